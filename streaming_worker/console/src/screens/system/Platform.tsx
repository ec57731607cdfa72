// Queues, the writer, files on disk and the pipeline: what keeps the record whole.
import { Button } from "@mantine/core";
import type { ReactNode } from "react";

import { BASE } from "../../api/client";
import { useGet } from "../../api/queries";
import { useMay } from "../../api/session";
import type { SystemStatus } from "../../api/types";
import { plain } from "../../format/words";
import { Kpi } from "../../parts/figures";
import { Empty, Loaded, Panel } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { Ago, At, Ms, NOTHING, Num, State } from "../../parts/values";

type Pipeline = SystemStatus["pipeline"];

export function Platform(): ReactNode {
  const system = useGet<SystemStatus>("/system", {}, { everyMs: 10_000, keep: true });
  const mayBundle = useMay("operator");
  return (
    <Loaded query={system} rows={6}>
      {(now) => (
        <>
          <Panel
            title="Record"
            actions={mayBundle ? <Button variant="default" component="a" href={`${BASE}/diagnostics`} download>Diagnostics bundle</Button> : undefined}
          >
            <Record now={now} />
          </Panel>
          <div className="cells">
            <Panel className="w7" title="Pipeline (Dagster)" note={now.pipeline.is_reachable ? "its last runs" : "not reachable"}><Runs pipeline={now.pipeline} /></Panel>
            <Panel className="w5" title="What each feed has counted"><Counters feeds={now.feeds} /></Panel>
          </div>
        </>
      )}
    </Loaded>
  );
}

function bytes(value: number): string {
  if (value < 1e6) return `${(value / 1e3).toFixed(0)} KB`;
  return value < 1e9 ? `${(value / 1e6).toFixed(1)} MB` : `${(value / 1e9).toFixed(1)} GB`;
}

function milliseconds(micros: number | null): ReactNode {
  return micros === null ? NOTHING : `${(micros / 1_000).toFixed(1)} ms`;
}

function Record({ now }: { now: SystemStatus }): ReactNode {
  const { queue, writer, files } = now;
  const dropped = Object.values(queue?.dropped ?? {}).reduce((sum, count) => sum + count, 0);
  return (
    <div className="kpis">
      <Kpi name="Queue before the engine" value={queue === null ? NOTHING : queue.waiting}
        under={queue === null ? "the worker does not answer" : <>of <Num value={queue.capacity} />, most so far {queue.high_water}; {dropped} dropped</>} />
      <Kpi name="Commit, 95 % within" value={milliseconds(writer?.commit_p95_us ?? null)}
        under={writer === null ? "" : <><Num value={writer.committed_rows} /> rows, last <Ago at={writer.committed_at} oldFrom={5_000} /> ago</>} />
      <Kpi name="Writer's queue" value={writer === null ? NOTHING : writer.queue_depth}
        under={writer?.failure === null || writer === null ? <>{writer?.saturated_puts ?? 0} times full</> : <span className="loss">{writer.failure}</span>} />
      <Kpi name="Sealed segments" value={<Num value={files.segments} />} under={<>{bytes(files.segment_bytes)}, newest <Ago at={files.newest_segment_at} /> old</>} />
      <Kpi name="Published file" value={files.published_bytes === null ? NOTHING : bytes(files.published_bytes)}
        under={files.published_at === null ? "not published yet" : <>made <Ago at={files.published_at} /> ago</>} />
      <Kpi name="Disk free" value={bytes(files.free_bytes)} under={files.days_left === null ? "" : <><Num value={files.days_left} /> days at this pace</>} />
    </div>
  );
}

const RUNS: readonly Column<Pipeline["runs"][number]>[] = [
  { id: "at", head: "Started", cell: (run) => <At at={run.started_at} date /> },
  { id: "job", head: "Job", cell: (run) => <span title={run.run_id}>{plain(run.job)}</span> },
  { id: "status", head: "Status", cell: (run) => <State state={run.status} /> },
  { id: "took", head: "Took", num: true, cell: (run) => <Ms value={run.duration_ms} /> },
];

function Runs({ pipeline }: { pipeline: Pipeline }): ReactNode {
  if (!pipeline.is_reachable) return <Empty title={pipeline.detail}>The live view does not need it; reports and marts do.</Empty>;
  const failed = pipeline.checks.filter((check) => check.state === "failed");
  return (
    <>
      <p className="row small">
        <State state={failed.length === 0 ? "ok" : "failed"} />
        {pipeline.assets_materialized} of {pipeline.assets} assets made, {pipeline.checks_passed} checks passed, {failed.length} failed,{" "}
        {pipeline.checks.length - failed.length} not run yet
        {pipeline.daemons_down.length === 0 ? null : <span className="loss">daemons down: {pipeline.daemons_down.join(", ")}</span>}
      </p>
      {failed.length === 0 ? null : (
        <ul className="stack tight small">{failed.map((check) => <li key={check.asset + check.name} className="loss">{check.asset}: {check.name}</li>)}</ul>
      )}
      {pipeline.runs.length === 0 ? <Empty title="No run yet." /> : <Table caption="Runs of the pipeline" columns={RUNS} rows={pipeline.runs} short keyOf={(run) => run.run_id} />}
    </>
  );
}

interface Counter {
  feed: string;
  name: string;
  count: number;
}

const COUNTERS: readonly Column<Counter>[] = [
  { id: "feed", head: "Feed", cell: (row) => <span className="strong">{row.feed}</span> },
  { id: "name", head: "What", cell: (row) => plain(row.name) },
  { id: "count", head: "Count", num: true, cell: (row) => <Num value={row.count} /> },
];

function Counters({ feeds }: { feeds: SystemStatus["feeds"] }): ReactNode {
  const rows = feeds.flatMap((feed) => Object.entries(feed.counters).filter(([, count]) => count !== 0).map(([name, count]) => ({ feed: feed.feed, name, count })));
  if (rows.length === 0) return <Empty title="The worker does not answer." />;
  return <Table caption="Counters by feed" columns={COUNTERS} rows={rows} short keyOf={(row) => row.feed + row.name} />;
}
