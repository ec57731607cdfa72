// Switches of one venue or one pair, beside the one for everything.
import { Button, Modal, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { post } from "../../api/client";
import { cache } from "../../api/queries";
import { useMay } from "../../api/session";
import type { ControlResult, Halt, HaltChanged } from "../../api/types";
import { venueName } from "../../format/words";
import { Empty, Panel } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { At, NOTHING, State } from "../../parts/values";
import { useSay } from "../../shell/toasts";

interface Row {
  scope: string;
  halt: Halt | null;
}

export function scopeName(scope: string): string {
  const [kind = "", name = ""] = scope.split(/:(.*)/s);
  return kind === "venue" ? venueName(name) : name;
}

export function Halts({ scopes, halts }: { scopes: readonly string[]; halts: readonly Halt[] }): ReactNode {
  const mayControl = useMay("operator");
  const [chosen, setChosen] = useState<Row | null>(null);
  const rows = scopes.map((scope) => ({ scope, halt: halts.find((halt) => halt.scope === scope) ?? null }));
  const columns: readonly Column<Row>[] = [
    { id: "scope", head: "Venue or pair", cell: (row) => <><span className="strong">{scopeName(row.scope)}</span> <span className="muted">{row.scope.split(":")[0]}</span></> },
    { id: "state", head: "State", cell: (row) => <State state={row.halt === null ? "active" : "paused"} /> },
    { id: "since", head: "Since", cell: (row) => (row.halt === null ? NOTHING : <At at={row.halt.since_at} date />) },
    { id: "who", head: "Who", cell: (row) => row.halt?.actor ?? NOTHING },
    { id: "why", head: "Why", wrap: true, cell: (row) => row.halt?.reason ?? NOTHING },
    ...(mayControl ? [{
      id: "switch", head: "Switch",
      cell: (row: Row) => (
        <Button size="compact-xs" variant={row.halt === null ? "outline" : "filled"} color={row.halt === null ? "pink" : "lime"} onClick={() => setChosen(row)}
          aria-label={`${row.halt === null ? "Halt" : "Release"} ${scopeName(row.scope)}`}>
          {row.halt === null ? "Halt" : "Release"}{"\u2026"}
        </Button>
      ),
    }] : []),
  ];
  return (
    <Panel title="Venues and pairs" note="a halt stops new simulated trades there only; recording goes on">
      {rows.length === 0 ? <Empty title="The worker does not answer." /> : <Table caption="Switches of venues and pairs" columns={columns} rows={rows} short keyOf={(row) => row.scope} />}
      {chosen === null ? null : <Switch key={chosen.scope} row={chosen} onClose={() => setChosen(null)} />}
    </Panel>
  );
}

function Switch({ row, onClose }: { row: Row; onClose: () => void }): ReactNode {
  const say = useSay();
  const [reason, setReason] = useState("");
  const isHalt = row.halt === null;
  const name = scopeName(row.scope);
  const command = useMutation({
    mutationFn: () => post<ControlResult>(`/controls/${isHalt ? "halt" : "release"}`, { scope: row.scope, reason: reason.trim() }),
    onSuccess: (result) => {
      say.done(result.is_confirmed ? `${name} is ${isHalt ? "halted" : "released"}.` : "Sent, but not confirmed yet by the engine.");
      void cache.invalidateQueries({ queryKey: ["/risk"] });
      onClose();
    },
    onError: (error) => say.failed(error),
  });
  const isReady = reason.trim().length >= 3;
  return (
    <Modal opened onClose={onClose} title={`${isHalt ? "Halt" : "Release"} ${name}`} closeButtonProps={{ "aria-label": "Close" }}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); if (isReady) command.mutate(); }}>
        <p>{isHalt ? "Nothing opens there any more, and what is open there ends now. Everything else goes on." : "Simulated trades may open there again."}</p>
        <Textarea label="Reason" description="at least three characters; it goes into the record" value={reason} data-autofocus required
          onChange={(event) => setReason(event.currentTarget.value)} maxLength={500} />
        <div className="row end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button type="submit" color={isHalt ? "pink" : "lime"} disabled={!isReady} loading={command.isPending}>{isHalt ? "Halt now" : "Release now"}</Button>
        </div>
      </form>
    </Modal>
  );
}

const CHANGES: readonly Column<HaltChanged>[] = [
  { id: "at", head: "When", cell: (row) => <At at={row.at} date /> },
  { id: "scope", head: "Venue or pair", cell: (row) => scopeName(row.scope) },
  { id: "change", head: "Change", cell: (row) => (row.is_halted ? "halted" : "released") },
  { id: "actor", head: "Who", cell: (row) => row.actor },
  { id: "reason", head: "Why", wrap: true, cell: (row) => (row.refusal === null ? row.reason : <span className="loss">refused: {row.refusal}</span>) },
];

export function HaltHistory({ rows }: { rows: readonly HaltChanged[] }): ReactNode {
  if (rows.length === 0) return <Empty title="Nothing was halted in the last week." />;
  return <Table caption="Halts and releases" columns={CHANGES} rows={rows} short keyOf={(row) => `${row.at}${row.scope}`} />;
}
