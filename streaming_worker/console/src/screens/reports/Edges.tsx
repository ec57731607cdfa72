import type { ReactNode } from "react";
import { Link } from "react-router";

import { useGet } from "../../api/queries";
import type { EdgeDecay, Lifetimes } from "../../api/types";
import { drawn, trimmed } from "../../format/decimal";
import { age } from "../../format/time";
import { useAddress, useLinkTo } from "../../parts/address";
import { Chart } from "../../parts/Chart";
import { Bars } from "../../parts/figures";
import type { Range } from "../../parts/range";
import { Empty, Loaded } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { NOTHING, Usd } from "../../parts/values";
import { Grade, GRADE_WORDS } from "../opportunities/columns";

const rungColumns = (rows: (latencyMs: number) => string): readonly Column<EdgeDecay["rungs"][number]>[] => [
  { id: "latency", head: "Latency", cell: (rung) => <Link className="strong" to={rows(rung.latency_ms)}>{age(rung.latency_ms)}</Link> },
  { id: "trades", head: "Trades", num: true, cell: (rung) => rung.trades },
  { id: "won", head: "Won", num: true, cell: (rung) => percent(rung.winning_percent) },
  { id: "filled", head: "Both legs", num: true, cell: (rung) => percent(rung.both_filled_percent) },
  { id: "kept", head: "Kept", num: true, cell: (rung) => percent(rung.kept_percent) },
  { id: "net", head: "Realised", num: true, cell: (rung) => <Usd value={rung.realised_net_usd} /> },
];

function percent(value: string | null): ReactNode {
  return value === null ? NOTHING : `${trimmed(value, 1)} %`;
}

export function Decay({ range }: { range: Range }): ReactNode {
  const linkTo = useLinkTo();
  const { values } = useAddress();
  const columns = rungColumns((latencyMs) => linkTo("/trades", { range: values["range"] ?? "week", latency_ms: String(latencyMs), latency_model: "fixed" }));
  const decay = useGet<EdgeDecay>("/analytics/edge-decay", { ...range }, { keep: true });
  return (
    <Loaded query={decay}>
      {({ rungs, grades }) => rungs.length === 0 ? <Empty title="No settled trade in this range." /> : (
        <>
          {rungs.length < 2 ? null : (
            <Chart
              title="Share of the predicted net that is kept, by latency" x={rungs.map((rung) => rung.latency_ms)} xUnit={(value) => age(value)} height={150}
              lines={[{ label: "kept, %", colour: "gain", points: true, values: rungs.map((rung) => drawn(rung.kept_percent)) }]}
              unit={(value) => `${value.toFixed(0)} %`}
            />
          )}
          <Table caption="Results by latency" columns={columns} rows={rungs} keyOf={(rung) => String(rung.latency_ms)} />
          <ul className="row small" aria-label="Grades">
            {Object.entries(grades).map(([grade, count]) => <li key={grade} className="row nowrap" title={GRADE_WORDS[grade]}><Grade grade={grade} />{count}</li>)}
          </ul>
        </>
      )}
    </Loaded>
  );
}

export function Lives({ range }: { range: Range }): ReactNode {
  const lives = useGet<Lifetimes>("/analytics/lifetimes", { ...range }, { keep: true });
  return (
    <Loaded query={lives}>
      {(all) => all.episodes === 0 ? <Empty title="No opportunity in this range." /> : (
        <>
          <Bars label="Opportunities by lifetime" bars={all.buckets.map((bucket) => ({
            key: String(bucket.from_ms),
            label: bucket.to_ms === null ? `${age(bucket.from_ms)} and more` : `${age(bucket.from_ms)} to ${age(bucket.to_ms)}`,
            size: bucket.episodes, text: bucket.episodes, tone: "info",
          }))} />
          <p className="muted small">
            Half live at least {all.p50_ms === null ? "?" : age(all.p50_ms)}, one in ten {all.p90_ms === null ? "?" : age(all.p90_ms)}; the longest {all.longest_ms === null ? "?" : age(all.longest_ms)}.
            {" "}{all.cut_off} were cut off by a lost feed and are counted apart.
          </p>
        </>
      )}
    </Loaded>
  );
}
