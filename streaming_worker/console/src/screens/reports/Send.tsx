// How reports get to people: by themselves every day and every Monday, and by hand as often as somebody orders one.
import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { post } from "../../api/client";
import { cache, useGet } from "../../api/queries";
import { useMay } from "../../api/session";
import type { ReportSchedule, ReportSend } from "../../api/types";
import { Empty, Loaded } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { At, NOTHING, State } from "../../parts/values";
import { useSay } from "../../shell/toasts";

function useSchedule(isWatched: boolean): ReturnType<typeof useGet<ReportSchedule>> {
  return useGet<ReportSchedule>("/reports/schedule", {}, { everyMs: isWatched ? 3_000 : 60_000 });
}

/** Mail the report of some days; the same order, however often it is sent, is carried out once. */
export function SendButton({ first, last, label }: { first: string; last: string; label: string }): ReactNode {
  const say = useSay();
  const [sendId, setSendId] = useState(newOrder);
  const send = useMutation({
    mutationFn: () => post<ReportSend>("/reports/send", { send_id: sendId, first, last }),
    onSuccess: () => {
      say.done("The report is being made; it goes to everybody who has not had it yet.");
      setSendId(newOrder());
      void cache.invalidateQueries({ queryKey: ["/reports/schedule"] });
    },
    onError: (error) => say.failed(error),
  });
  return <Button size="xs" variant="default" loading={send.isPending} onClick={() => send.mutate()}>{label}</Button>;
}

function newOrder(): string {
  return `console-${Array.from(crypto.getRandomValues(new Uint32Array(3)), (part) => part.toString(36)).join("")}`;
}

export function Send({ first, last, sentTo }: { first: string; last: string; sentTo: number }): ReactNode {
  return (
    <div className="row between small">
      <span className="muted">{sentTo === 0 ? "It has not been mailed yet." : `It was mailed to ${sentTo}.`}</span>
      <SendButton first={first} last={last} label="Mail this report" />
    </div>
  );
}

const STATES: Readonly<Record<ReportSend["status"], string>> = { running: "started", done: "success", failed: "failed", lost: "failed" };

const COLUMNS: readonly Column<ReportSend>[] = [
  { id: "at", head: "Ordered", cell: (row) => <><At at={row.at} date /><br /><span className="muted small">by {row.actor}</span></> },
  { id: "days", head: "Days", cell: (row) => (row.first === row.last ? row.first : <>{row.first}<br />to {row.last}</>) },
  { id: "status", head: "Status", cell: (row) => <span title={row.status}><State state={STATES[row.status]} /></span> },
  { id: "detail", head: "What came of it", wrap: true, cell: (row) => (row.detail === null ? NOTHING : <span className="small">{row.detail}</span>) },
];

export function Mailing(): ReactNode {
  const maySend = useMay("operator");
  const [isWatched, setWatched] = useState(true);
  const schedule = useSchedule(isWatched);
  const isRunning = schedule.data?.sends.some((one) => one.status === "running") ?? false;
  if (isRunning !== isWatched && schedule.data !== undefined) setWatched(isRunning);
  return (
    <Loaded query={schedule} rows={3}>
      {(known) => (
        <div className="stack">
          <p>
            {known.time === null ? "This program was started without a schedule." : (
              <>The report of the UTC day before is mailed every day at {known.time} ({known.timezone}) to {known.recipients} {known.recipients === 1 ? "recipient" : "recipients"}; next <At at={known.next_at} date />. The report of the last whole week goes to the same people on Mondays at that time; next <At at={known.next_week_at} date />.</>
            )}
          </p>
          {known.sends.length === 0 ? <Empty title="Nothing was mailed by hand yet.">{maySend ? "Choose a range above and mail it." : "Operators can mail any range."}</Empty>
            : <Table caption="Reports mailed by hand" columns={COLUMNS} rows={known.sends} short keyOf={(row) => row.send_id} />}
        </div>
      )}
    </Loaded>
  );
}
