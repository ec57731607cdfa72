// One episode from opening to close: what it would have cost, how it lived, and what was left of it at each latency.
import { Drawer } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { useGet } from "../../api/queries";
import type { Opportunity, OpportunityDetail, Sample, Trade } from "../../api/types";
import { dollars, drawn, trimmed } from "../../format/decimal";
import { age } from "../../format/time";
import { plain, venueName } from "../../format/words";
import { Chart } from "../../parts/Chart";
import { Empty, Loaded, Panel } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { At, Bps, Ms, NOTHING, State, Usd } from "../../parts/values";
import { StackPair, Waterfall } from "../../parts/Waterfall";
import { BookNow, PoolNow } from "./BothSides";
import { Grade, GRADE_WORDS } from "./columns";
import { MomentThen } from "./MomentThen";

export function Detail({ id, onClose }: { id: string | null; onClose: () => void }): ReactNode {
  return (
    <Drawer opened={id !== null} onClose={onClose} position="right" size="min(760px, 100vw)" title="Opportunity" closeButtonProps={{ "aria-label": "Close opportunity" }}>
      {id === null ? null : <Content id={id} />}
    </Drawer>
  );
}

function Content({ id }: { id: string }): ReactNode {
  const detail = useGet<OpportunityDetail>(`/opportunities/${encodeURIComponent(id)}`);
  return (
    <Loaded query={detail} rows={12}>
      {({ opportunity, samples, trades }) => (
        <div className="stack">
          <Head opportunity={opportunity} />
          <Costs opportunity={opportunity} />
          <Panel title="Its life" note={`${samples.length} samples kept of ${opportunity.updates} updates`}><Life samples={samples} openedNs={opportunity.opened_ns} /></Panel>
          <MomentThen id={id} />
          <Panel title="What was left of it, by latency" note="the same trade, sent so much later"><Ladder trades={trades.map((entry) => entry.trade)} /></Panel>
          <div className="sides">
            <Panel title="The book now" note={opportunity.instrument}><BookNow name={opportunity.instrument} /></Panel>
            <Panel title="The pool now" note={opportunity.pool}><PoolNow name={opportunity.pool} /></Panel>
          </div>
          <Provenance opportunity={opportunity} />
        </div>
      )}
    </Loaded>
  );
}

function Costs({ opportunity }: { opportunity: Opportunity }): ReactNode {
  const { opening, peak } = opportunity;
  if (opening === null || peak === null) return <Panel title="From gross to net"><Empty title="It is still open.">Its costs are recorded, item by item, when it closes.</Empty></Panel>;
  return (
    <>
      <Panel title="From gross to net at its best moment" note="each cost with its sign; the items sum to the net exactly">
        <Waterfall stack={peak.stack} caption="Cost waterfall at the peak" />
      </Panel>
      <Panel title="Opening against peak"><StackPair first={opening.stack} second={peak.stack} names={["opening", "peak"]} /></Panel>
    </>
  );
}

function Head({ opportunity }: { opportunity: Opportunity }): ReactNode {
  const { grade } = opportunity;
  return (
    <dl className="pairs">
      <dt>Route</dt>
      <dd className="strong">{venueName(opportunity.buy_venue)} {"\u2192"} {venueName(opportunity.sell_venue)}, {opportunity.instrument}</dd>
      <dt>Open</dt>
      <dd><At at={opportunity.opened_at} date /> for <Ms value={opportunity.lifetime_ms} />, {opportunity.close_reason === null ? "still open" : `closed: ${plain(opportunity.close_reason)}`}</dd>
      <dt>Size</dt>
      <dd>{opportunity.size === null ? NOTHING : trimmed(opportunity.size, 6)} for {opportunity.notional_usd === null ? NOTHING : dollars(opportunity.notional_usd)}</dd>
      <dt>Net at its best</dt>
      <dd><Usd value={opportunity.peak_net_usd} places={4} arrow /> (<Bps value={opportunity.peak_net_edge_bps} /> bps)</dd>
      <dt>Age of each leg</dt>
      <dd>exchange <Ms value={opportunity.cex_age_ms} />, pool <Ms value={opportunity.pool_age_ms} /></dd>
      <dt>Was it real?</dt>
      <dd className="row">
        <Grade grade={grade} />
        {grade === null ? "its trades have not all settled" : GRADE_WORDS[grade]}
        {opportunity.kept_percent === null ? null : <span className="muted">{trimmed(opportunity.kept_percent, 1)} % kept</span>}
      </dd>
    </dl>
  );
}

function Life({ samples, openedNs }: { samples: readonly Sample[]; openedNs: string }): ReactNode {
  if (samples.length < 2) return <Empty title="Too short to draw.">It had {samples.length === 1 ? "one sample" : "no samples"}.</Empty>;
  return (
    <Chart
      title="Net and gross over the life of the episode"
      x={samples.map((sample) => Number(BigInt(sample.at_ns) - BigInt(openedNs)) / 1e6)}
      xUnit={(value) => age(value)}
      height={170}
      lines={[
        { label: "net", colour: "gain", values: samples.map((sample) => drawn(sample.net_usd)), steps: true },
        { label: "gross", colour: "info", values: samples.map((sample) => drawn(sample.gross_usd)), steps: true, dash: true },
      ]}
      unit={(value) => `$${value.toFixed(2)}`}
    />
  );
}

const LADDER: readonly Column<Trade>[] = [
  { id: "latency", head: "Latency", cell: (trade) => <Link to={`/trades?trade=${trade.id}&range=all`}>{age(trade.latency_ms)}{trade.is_primary ? " (ours)" : ""}</Link> },
  { id: "predicted", head: "Predicted", num: true, cell: (trade) => <Usd value={trade.predicted_net_usd} places={3} /> },
  { id: "realised", head: "Realised", num: true, cell: (trade) => <Usd value={trade.realised_net_usd} places={3} arrow /> },
  { id: "legs", head: "Legs", cell: (trade) => <span className="row nowrap">{trade.statuses.map((status, index) => <State key={index} state={status} />)}</span> },
];

function Ladder({ trades }: { trades: readonly Trade[] }): ReactNode {
  if (trades.length === 0) return <Empty title="No simulated trade.">It was seen, but no trade was sent for it.</Empty>;
  const sorted = [...trades].sort((a, b) => a.latency_ms - b.latency_ms);
  return <Table caption="Result by latency" columns={LADDER} rows={sorted} keyOf={(trade) => trade.id} />;
}

function Provenance({ opportunity }: { opportunity: Opportunity }): ReactNode {
  return (
    <Panel title="Where this comes from">
      <dl className="pairs small">
        <dt>Identity</dt><dd className="mono">{opportunity.id}</dd>
        <dt>Worker and run</dt><dd className="mono">{opportunity.worker} {opportunity.run_id}</dd>
        <dt>Opened, ns</dt><dd className="mono">{opportunity.opened_ns}</dd>
        <dt>Slot</dt><dd className="mono">{opportunity.opened_slot}</dd>
        <dt>Replayed</dt><dd>{opportunity.reconciliation === null ? NOTHING : plain(opportunity.reconciliation)}</dd>
        <dt>This view</dt><dd><Link to={`/opportunities?id=${opportunity.id}`}>link to this opportunity</Link></dd>
      </dl>
    </Panel>
  );
}
