// The fee schedule: what holds from when until when. Administrators add lines; what is configured stands in its file.
import { Button, Modal, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { post } from "../../api/client";
import { cache, useGet } from "../../api/queries";
import { useMay } from "../../api/session";
import type { BookTopPage, FeeLine, FeeSchedule } from "../../api/types";
import { utcDay } from "../../format/time";
import { venueName } from "../../format/words";
import { Failed, Loaded } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { At, Num, State, useNow } from "../../parts/values";
import { useSay } from "../../shell/toasts";

const COLUMNS: readonly Column<FeeLine>[] = [
  { id: "venue", head: "Venue", cell: (line) => <span className="strong">{venueName(line.venue)}</span> },
  { id: "symbol", head: "Market", cell: (line) => line.symbol ?? "all" },
  { id: "taker", head: "Taker fee", num: true, cell: (line) => `${line.taker_percent} %` },
  { id: "from", head: "Valid from", cell: (line) => (Date.parse(line.valid_from_at) === 0 ? "the beginning" : <At at={line.valid_from_at} date />) },
  { id: "to", head: "Until before", cell: (line) => (line.valid_to_at === null ? "further notice" : <At at={line.valid_to_at} date />) },
  { id: "now", head: "Now", cell: (line) => <State state={line.is_in_force ? "active" : "not in force"} /> },
  { id: "source", head: "Source", wrap: true, cell: (line) => line.source },
];

const KEY = ["/settings/fees"];

export function Fees(): ReactNode {
  const mayKeep = useMay("admin");
  const fees = useGet<FeeSchedule>("/settings/fees", {}, { everyMs: 30_000 });
  const [isAdding, setAdding] = useState(false);
  const [gone, setGone] = useState<FeeLine | null>(null);
  const columns: readonly Column<FeeLine>[] = [
    ...COLUMNS,
    ...(mayKeep ? [{
      id: "act", head: "",
      cell: (line: FeeLine) => (line.is_added ? <Button size="compact-xs" variant="default" onClick={() => setGone(line)}>Remove{"\u2026"}</Button> : null),
    }] : []),
  ];
  return (
    <>
      {mayKeep ? <div className="row"><Button onClick={() => setAdding(true)}>Add line{"\u2026"}</Button></div> : null}
      <Loaded query={fees}>
        {(schedule) => (
          <>
            {schedule.is_waiting ? (
              <p className="warn" role="status">Changed <At at={schedule.changed_at} date />, after the worker started: it reckons with the new lines from its next start. Nothing that is recorded changes.</p>
            ) : null}
            <Table caption="Fee schedule" columns={columns} rows={schedule.taker_fees} keyOf={(line) => `${line.venue}${line.symbol ?? ""}${line.valid_from_at}`} />
            <p className="muted small">Network fee: <Num value={schedule.network_lamports} /> lamports ({schedule.network_source})</p>
          </>
        )}
      </Loaded>
      {isAdding ? <Add onClose={() => setAdding(false)} /> : null}
      {gone === null ? null : <Remove line={gone} onClose={() => setGone(null)} />}
    </>
  );
}

interface Change {
  send: (path: string, body: object) => void;
  error: unknown;
  isSending: boolean;
}

function useChange(done: string, onClose: () => void): Change {
  const say = useSay();
  const change = useMutation({
    mutationFn: ({ path, body }: { path: string; body: object }) => post<FeeSchedule>(path, body),
    onSuccess: () => {
      say.done(done);
      void cache.invalidateQueries({ queryKey: KEY });
      onClose();
    },
  });
  return { send: (path, body) => change.mutate({ path, body }), error: change.error, isSending: change.isPending };
}

function Add({ onClose }: { onClose: () => void }): ReactNode {
  const books = useGet<BookTopPage>("/books");
  const today = utcDay(useNow()).slice(0, 10);
  const known = books.data?.items ?? [];
  const venues = [...new Set(known.map((book) => book.venue))];
  const [chosen, setVenue] = useState<string | null>(null);
  const [symbol, setSymbol] = useState("");
  const [percent, setPercent] = useState("");
  const [day, setDay] = useState(today);
  const [reason, setReason] = useState("");
  const change = useChange("The line is in the schedule.", onClose);
  const venue = chosen ?? venues[0] ?? "";
  const isPercent = /^\d{1,2}(\.\d{1,4})?$/.test(percent) && Number(percent) <= 10;
  const isReady = venue !== "" && isPercent && day >= today && reason.trim().length >= 3;
  return (
    <Modal opened onClose={onClose} title="Add a line to the fee schedule" closeButtonProps={{ "aria-label": "Close" }}>
      <form className="stack" onSubmit={(event) => {
        event.preventDefault();
        if (isReady) change.send("/settings/fees", { venue, symbol: symbol === "" ? null : symbol, taker_percent: percent, valid_from: day, reason: reason.trim() });
      }}>
        <NativeSelect label="Venue" size="sm" data={venues.map((value) => ({ value, label: venueName(value) }))} value={venue}
          onChange={(event) => { setVenue(event.currentTarget.value); setSymbol(""); }} />
        <NativeSelect label="Market" size="sm" value={symbol} onChange={(event) => setSymbol(event.currentTarget.value)}
          data={[{ value: "", label: "all of the venue" }, ...known.filter((book) => book.venue === venue).map((book) => book.symbol)]} />
        <TextInput label="Taker fee, % of the notional" size="sm" inputMode="decimal" value={percent} data-autofocus required description="0 to 10, four digits at most, as in 0.25"
          error={percent === "" || isPercent ? null : "a number from 0 to 10"} onChange={(event) => setPercent(event.currentTarget.value.trim())} />
        <TextInput label="Valid from (UTC day)" type="date" size="sm" min={today} value={day} required description="until a later line of the same market begins"
          error={day >= today ? null : "today or later: the past stays as it was"} onChange={(event) => setDay(event.currentTarget.value)} />
        <Textarea label="Reason" description="at least three characters; it goes into the audit trail" value={reason} required maxLength={300}
          onChange={(event) => setReason(event.currentTarget.value)} />
        {change.error === null ? null : <Failed error={change.error} />}
        <div className="row end"><Button variant="default" onClick={onClose}>Cancel</Button><Button type="submit" disabled={!isReady} loading={change.isSending}>Add</Button></div>
      </form>
    </Modal>
  );
}

function Remove({ line, onClose }: { line: FeeLine; onClose: () => void }): ReactNode {
  const [reason, setReason] = useState("");
  const change = useChange("The line is gone.", onClose);
  const isReady = reason.trim().length >= 3;
  return (
    <Modal opened onClose={onClose} title="Remove a line of the fee schedule" closeButtonProps={{ "aria-label": "Close" }}>
      <form className="stack" onSubmit={(event) => {
        event.preventDefault();
        if (isReady) change.send("/settings/fees/remove", { venue: line.venue, symbol: line.symbol, valid_from: line.valid_from_at.slice(0, 10), reason: reason.trim() });
      }}>
        <p>{venueName(line.venue)}, {line.symbol ?? "all markets"}: {line.taker_percent} % from <At at={line.valid_from_at} date />. The line before it holds on.</p>
        <Textarea label="Reason" description="at least three characters; it goes into the audit trail" value={reason} data-autofocus required maxLength={300}
          onChange={(event) => setReason(event.currentTarget.value)} />
        {change.error === null ? null : <Failed error={change.error} />}
        <div className="row end"><Button variant="default" onClick={onClose}>Cancel</Button><Button type="submit" color="pink" disabled={!isReady} loading={change.isSending}>Remove</Button></div>
      </form>
    </Modal>
  );
}
