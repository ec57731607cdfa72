// What limits the simulated trading, how much of each is used, and who changed what and why.
import type { ReactNode } from "react";

import { useGet, useStatus } from "../api/queries";
import { useMay } from "../api/session";
import type { AuditEntry, AuditPage, Limit, LimitChanged, Risk, RiskChange } from "../api/types";
import { trimmed } from "../format/decimal";
import { plain } from "../format/words";
import { useLive } from "../live/store";
import { Kpi } from "../parts/figures";
import { Empty, Failed, Loaded, Loading, Panel, Screen } from "../parts/states";
import { type Column, Table } from "../parts/Table";
import { ExportMenu } from "../parts/tools";
import { Ago, At, NOTHING, State, Usd } from "../parts/values";
import { Controls } from "./risk/Controls";
import { HaltHistory, Halts } from "./risk/Halts";
import { LimitTable } from "./risk/LimitTable";
import { Proposals } from "./risk/Proposals";

export default function RiskScreen(): ReactNode {
  const live = useLive<Risk>("risk");
  const asked = useGet<Risk>("/risk", {}, { everyMs: live === undefined ? 5_000 : 30_000 });
  // the stream is ahead in what changes; the asked one has the whole history
  const risk = asked.data === undefined && live === undefined ? undefined : { ...asked.data, ...live } as Risk;
  const isAdmin = useMay("admin");
  return (
    <Screen title="Risk controls" lead="A pause stops new simulated trades and is recorded with who and why. Real orders cannot be switched on: there is no code that places one.">
      {risk === undefined ? asked.isError ? <Failed error={asked.error} retry={() => void asked.refetch()} /> : <Loading rows={10} /> : (
        <>
          <Headline risk={risk} />
          <Controls state={risk.state} />
          <Proposals limits={risk.limits} />
          <Panel title="Limits" note="with how much of each is used now"><LimitTable limits={risk.limits} /></Panel>
          <Halts scopes={risk.scopes ?? []} halts={risk.halts ?? []} />
          <div className="cells">
            <Panel className="w6" title="Circuit breaker log" note="newest first"><History rows={risk.history ?? []} /></Panel>
            <Panel className="w6" title="Halts and releases" note="newest first"><HaltHistory rows={risk.halt_changes ?? []} /></Panel>
            <Panel title="Changes of limits" note="newest first"><LimitChanges rows={risk.limit_changes ?? []} limits={risk.limits} /></Panel>
          </div>
        </>
      )}
      {isAdmin ? <Audit /> : null}
    </Screen>
  );
}

function Headline({ risk }: { risk: Risk }): ReactNode {
  const { status } = useStatus();
  return (
    <div className="kpis">
      <Kpi name="State" value={<State state={risk.state ?? "unknown"} />} under={risk.since_at === null ? "" : <>since <Ago at={risk.since_at} /></>} />
      <Kpi name="Cause" value={<span className="small">{risk.cause === null ? "none" : plain(risk.cause)}</span>} under={risk.reason ?? ""} />
      <Kpi name="Simulated net today" to="/trades?range=today" value={<Usd value={status?.today.realised_net_usd} arrow />}
        under={<>UTC day; the engine counts <Usd value={risk.daily_net_usd} /> against the limit</>} />
      <Kpi name="Open, marked at market" value={<Usd value={risk.open_usd} />} under={<>{risk.pending_trades ?? NOTHING} trades pending</>} />
    </div>
  );
}

const HISTORY: readonly Column<RiskChange>[] = [
  { id: "at", head: "When", cell: (row) => <At at={row.at} date /> },
  { id: "change", head: "Change", cell: (row) => <span className="row nowrap"><State state={row.previous} />{"\u2192"}<State state={row.current} /></span> },
  { id: "cause", head: "Cause", cell: (row) => plain(row.cause) },
  { id: "actor", head: "Who", cell: (row) => row.actor },
  { id: "reason", head: "Why", wrap: true, cell: (row) => row.reason },
  { id: "daily", head: "Net that day", num: true, cell: (row) => <Usd value={row.daily_net_usd} /> },
];

function History({ rows }: { rows: readonly RiskChange[] }): ReactNode {
  if (rows.length === 0) return <Empty title="The state has not changed yet." />;
  return <Table caption="Changes of the risk state" columns={HISTORY} rows={rows} short keyOf={(row) => `${row.at}${row.current}${row.reason}`} />;
}

const changeColumns = (limits: readonly Limit[]): readonly Column<LimitChanged>[] => [
  { id: "at", head: "When", cell: (row) => <At at={row.at} date /> },
  { id: "name", head: "Limit", cell: (row) => limits.find((limit) => limit.name === row.name)?.title ?? plain(row.name) },
  {
    id: "change", head: "Change",
    cell: (row) => <>{row.previous === null ? "?" : trimmed(row.previous, 4)} {"\u2192"} {trimmed(row.requested, 4)} {row.unit}</>,
  },
  { id: "actor", head: "Who", cell: (row) => row.actor },
  { id: "reason", head: "Why", wrap: true, cell: (row) => (row.refusal === null ? row.reason : <span className="loss">refused: {row.refusal}</span>) },
];

function LimitChanges({ rows, limits }: { rows: readonly LimitChanged[]; limits: readonly Limit[] }): ReactNode {
  if (rows.length === 0) return <Empty title="No limit was changed yet." />;
  return <Table caption="Changes of limits" columns={changeColumns(limits)} rows={rows} short keyOf={(row) => `${row.at}${row.name}${row.requested}`} />;
}

const AUDIT: readonly Column<AuditEntry>[] = [
  { id: "seq", head: "#", num: true, cell: (row) => row.seq },
  { id: "at", head: "When", cell: (row) => <At at={row.at} date /> },
  { id: "actor", head: "Who", cell: (row) => row.actor },
  { id: "action", head: "What", cell: (row) => row.action },
  { id: "outcome", head: "Outcome", cell: (row) => <State state={row.outcome} /> },
  { id: "before", head: "Before", wrap: true, cell: (row) => <Values values={row.before} /> },
  { id: "after", head: "After", wrap: true, cell: (row) => <Values values={row.after} /> },
  { id: "reason", head: "Why", wrap: true, cell: (row) => row.reason ?? NOTHING },
];

function Values({ values }: { values: Readonly<Record<string, unknown>> | null }): ReactNode {
  if (values === null || Object.keys(values).length === 0) return NOTHING;
  return <span className="mono">{Object.entries(values).map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ")}</span>;
}

function Audit(): ReactNode {
  const entries = useGet<AuditPage>("/audit", { limit: 50 }, { everyMs: 15_000, keep: true });
  const verdict = useGet<{ is_whole: boolean; entries: number; problem: string | null }>("/audit/verify", {}, { everyMs: 60_000 });
  return (
    <Panel
      title="Audit trail"
      actions={<ExportMenu name="audit" query={{}} />}
      note={verdict.data === undefined ? "checking the chain\u2026" : verdict.data.is_whole
        ? <span className="gain">chain whole: {verdict.data.entries} entries, each holds the hash of the one before</span>
        : <span className="loss">chain broken: {verdict.data.problem}</span>}
    >
      <Loaded query={entries}>
        {({ items }) => <Table caption="Audit trail, newest first" columns={AUDIT} rows={items} short keyOf={(row) => String(row.seq)} />}
      </Loaded>
    </Panel>
  );
}
