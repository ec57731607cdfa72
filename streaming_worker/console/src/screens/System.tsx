// Is the machine behind the numbers whole: feeds, gaps, delays, record, pipeline, logs.
import type { ReactNode } from "react";

import { usePages } from "../api/pages";
import { useGet, useStatus } from "../api/queries";
import { useMay } from "../api/session";
import type { AlertEntry, AlertPage, CompletenessHour, CompletenessPage, Gap, Latency, Ready, Status } from "../api/types";
import { trimmed } from "../format/decimal";
import { marketName, plain } from "../format/words";
import { useAddress } from "../parts/address";
import { Kpi } from "../parts/figures";
import { Choice, options } from "../parts/Filters";
import { RangeField, rangeOf } from "../parts/range";
import { Empty, Failed, Loaded, Loading, Panel, Screen } from "../parts/states";
import { type Column, Table } from "../parts/Table";
import { ExportMenu, Pager } from "../parts/tools";
import { Ago, At, Ms, NOTHING, Num, State } from "../parts/values";
import { FeedTable } from "./parts/FeedTable";
import { Logs } from "./system/Logs";
import { Platform } from "./system/Platform";

export default function System(): ReactNode {
  const { status } = useStatus();
  const mayRead = useMay("operator");
  return (
    <Screen title="System status" lead="Liveness of a connection is shown apart from how often its book changes: a quiet book is fine, a silent connection is not.">
      {status === undefined ? <Loading /> : <Worker status={status} />}
      <Panel title="Feeds"><FeedTable feeds={status?.feeds} isWhole /></Panel>
      <Platform />
      <div className="cells">
        <Panel className="w8" title="Delays"><Delays /></Panel>
        <Panel className="w4" title="Parts of the API"><Parts /></Panel>
      </div>
      <Gaps />
      <div className="cells">
        <Panel className="w6" title="How whole the record is" note="closed hours, newest first"><Completeness /></Panel>
        <Panel className="w6" title="Alerts" note="newest first"><Alerts /></Panel>
      </div>
      {mayRead ? <Logs /> : null}
    </Screen>
  );
}

function Worker({ status }: { status: Status }): ReactNode {
  const { worker } = status;
  return (
    <>
      <div className="kpis">
        <Kpi name="Worker" value={<State state={worker.state} />} under={<>{worker.name ?? "unnamed"}, up for <Ago at={worker.started_at} /></>} />
        <Kpi name="Health" value={<State state={status.health} />} under={status.why.length === 0 ? "nothing to complain about" : `${status.why.length} complaints`} />
        <Kpi name="Events seen" value={<Num value={worker.events} />} under={<>heard <Ms value={worker.age_ms} oldFrom={3_000} /> ago</>} />
        <Kpi name="Restarts seen" value={worker.restarts} under={<span className="mono" title={worker.digest ?? ""}>digest {worker.digest?.slice(0, 12) ?? "unknown"}</span>} />
      </div>
      {status.why.length + status.warnings.length === 0 ? null : (
        <Panel title="What the worker says">
          <ul className="stack tight">
            {status.why.map((line) => <li key={line} className="row"><State state="degraded" />{line}</li>)}
            {status.warnings.map((line) => <li key={line} className="row"><State state="warning" />{line}</li>)}
          </ul>
        </Panel>
      )}
    </>
  );
}

function micros(value: number | null): ReactNode {
  if (value === null) return NOTHING;
  return value < 1_000 ? `${value} \u00b5s` : `${trimmed((value / 1_000).toFixed(1), 1)} ms`;
}

const DELAYS: readonly Column<Latency["worker"][number]>[] = [
  { id: "title", head: "From, to", wrap: true, cell: (line) => <span className="strong" title={line.name}>{line.title}{line.title === "Delay of delivery by the venue's clock" ? `: ${line.name}` : ""}</span> },
  { id: "count", head: "Count", num: true, cell: (line) => <Num value={line.count} /> },
  { id: "p50", head: "Half within", num: true, cell: (line) => micros(line.p50_us) },
  { id: "p99", head: "99 % within", num: true, cell: (line) => micros(line.p99_us) },
  { id: "max", head: "Longest", num: true, cell: (line) => micros(line.max_us) },
];

function Delays(): ReactNode {
  const latency = useGet<Latency>("/analytics/latency", {}, { everyMs: 5_000 });
  return (
    <Loaded query={latency}>
      {({ worker, feeds }) => <Table caption="Measured delays" columns={DELAYS} rows={[...worker, ...feeds]} short keyOf={(line) => line.name} />}
    </Loaded>
  );
}

function Parts(): ReactNode {
  const ready = useGet<Ready>("/health/ready", {}, { everyMs: 5_000 });
  return (
    <Loaded query={ready}>
      {({ parts }) => (
        <dl className="pairs">
          {parts.map((part) => (
            <div key={part.name} style={{ display: "contents" }}>
              <dt>{plain(part.name)}</dt>
              <dd className="row"><State state={part.is_ready ? "ok" : "down"} />{part.detail}</dd>
            </div>
          ))}
        </dl>
      )}
    </Loaded>
  );
}

const GAPS: readonly Column<Gap>[] = [
  { id: "from", head: "From", cell: (gap) => <At at={gap.started_at} date /> },
  { id: "for", head: "For", num: true, cell: (gap) => <Ms value={gap.duration_ms} /> },
  { id: "feed", head: "Feed", cell: (gap) => <span className="strong">{gap.feed}</span> },
  { id: "market", head: "Market", cell: (gap) => gap.instrument ?? "whole feed" },
  { id: "cause", head: "Cause", cell: (gap) => plain(gap.cause) },
  { id: "numbers", head: "Expected, received", num: true, cell: (gap) => (gap.expected === null ? NOTHING : `${gap.expected}, ${gap.received ?? "?"}`) },
];

function Gaps(): ReactNode {
  const address = useAddress();
  const { values } = address;
  const filter = { ...rangeOf(values, "day"), feed: values["feed"] };
  const pages = usePages<Gap>("/gaps", filter, { everyMs: 30_000, limit: 50 });
  const { status } = useStatus();
  return (
    <Panel title="Gaps: stretches without trustworthy data" actions={<ExportMenu name="gaps" query={filter} />}>
      <div className="filters">
        <RangeField address={address} preset="day" />
        <Choice address={address} name="feed" label="Feed" isFirst options={options((status?.feeds ?? []).map((feed) => feed.id))} />
      </div>
      {pages.error !== null ? <Failed error={pages.error} retry={pages.again} /> : pages.isLoading ? <Loading /> : pages.items.length === 0 ? (
        <Empty title="No gap in this time.">The record is whole.</Empty>
      ) : (
        <>
          <Table caption="Gaps" columns={GAPS} rows={pages.items} short keyOf={(gap) => `${gap.run_id}${gap.feed}${gap.instrument ?? ""}${gap.started_ns}`} />
          <Pager shown={pages.items.length} total={pages.total} what="gaps" hasMore={pages.hasMore} isBusy={pages.isBusy} onMore={pages.more} />
        </>
      )}
    </Panel>
  );
}

const HOURS: readonly Column<CompletenessHour>[] = [
  { id: "hour", head: "Hour", cell: (row) => <At at={row.hour_at} date /> },
  { id: "market", head: "Market", cell: (row) => (row.market === "" ? <span className="muted">all of {row.feed}</span> : <span title={row.market}>{marketName(row.market)}</span>) },
  {
    id: "whole", head: "Whole", num: true,
    cell: (row) => <span className={Number(row.completeness_percent) < 99 ? "warn" : "gain"}>{trimmed(row.completeness_percent, 3)} %</span>,
  },
  { id: "events", head: "Events", num: true, cell: (row) => <Num value={row.events} /> },
  { id: "gaps", head: "Gaps", num: true, cell: (row) => row.gaps },
  { id: "delay", head: "Delay p99", num: true, cell: (row) => <Ms value={row.delay_p99_ms} /> },
  { id: "offset", head: "Clock offset", num: true, cell: (row) => <Ms value={row.clock_offset_ms} /> },
];

function Completeness(): ReactNode {
  const hours = useGet<CompletenessPage>("/completeness", { limit: 60 }, { everyMs: 60_000 });
  return (
    <Loaded query={hours}>
      {({ items }) => items.length === 0 ? <Empty title="No hour has closed yet." /> : (
        <Table caption="Completeness by hour and market" columns={HOURS} rows={items} short keyOf={(row) => `${row.hour_at}${row.worker}${row.market}`} />
      )}
    </Loaded>
  );
}

const ALERTS: readonly Column<AlertEntry>[] = [
  { id: "at", head: "When", cell: (row) => <At at={row.at} date /> },
  { id: "severity", head: "How bad", cell: (row) => <State state={row.severity} /> },
  { id: "subject", head: "What", wrap: true, cell: (row) => <span title={row.detail}>{row.subject}</span> },
  { id: "source", head: "From", cell: (row) => row.source },
];

function Alerts(): ReactNode {
  const alerts = useGet<AlertPage>("/alerts", { limit: 60 }, { everyMs: 15_000 });
  return (
    <Loaded query={alerts}>
      {({ items }) => items.length === 0 ? <Empty title="No alert so far." /> : (
        <Table caption="Alerts" columns={ALERTS} rows={items} short keyOf={(row) => row.alert_id} />
      )}
    </Loaded>
  );
}
