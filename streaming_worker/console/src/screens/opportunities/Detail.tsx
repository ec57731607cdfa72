// One episode from opening to close: what it would have cost, how it lived, and what was left of it at each latency.
import { Drawer } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";

import { useGet } from "../../api/queries";
import type { Opportunity, OpportunityDetail, Sample, Trade } from "../../api/types";
import { dollars, drawn, trimmed } from "../../format/decimal";
import { age } from "../../format/time";
import { plain, venueName } from "../../format/words";
import { Chart } from "../../parts/Chart";
import { Empty, Loaded, Panel } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { Ago, At, Bps, Ms, NOTHING, State, Usd } from "../../parts/values";
import { StackPair, Waterfall } from "../../parts/Waterfall";
import { BookNow, PoolNow } from "./BothSides";
import { Grade, GRADE_WORDS } from "./columns";
import { MomentThen } from "./MomentThen";
import { RuleButton, RuleForm, type RuleRoute } from "./RuleForm";

const LIVE_MS = 2_000;

export function Detail({ id, onClose }: { id: string | null; onClose: () => void }): ReactNode {
  return (
    <Drawer opened={id !== null} onClose={onClose} position="right" size="min(760px, 100vw)" title="Opportunity" closeButtonProps={{ "aria-label": "Close opportunity" }}>
      {id === null ? null : <Content id={id} />}
    </Drawer>
  );
}

function Content({ id }: { id: string }): ReactNode {
  const [told, setTold] = useState<RuleRoute | null>(null);
  const detail = useGet<OpportunityDetail>(`/opportunities/${encodeURIComponent(id)}`, {}, { everyMs: (known) => (known?.opportunity.is_open === true ? LIVE_MS : false) });
  return (
    <Loaded query={detail} rows={12}>
      {({ opportunity, samples, trades }) => (
        <div className="stack">
          <Head opportunity={opportunity} />
          <div className="row"><RuleButton of={opportunity} onOpen={setTold} /></div>
          {told === null ? null : <RuleForm of={told} onClose={() => setTold(null)} />}
          <Costs opportunity={opportunity} />
          {opportunity.closed_at === null ? null : (
            <Panel title="Its life" note={`${samples.length} samples kept of ${opportunity.updates} updates`}><Life samples={samples} openedNs={opportunity.opened_ns} /></Panel>
          )}
          <MomentThen key={String(opportunity.is_open)} id={id} openedAt={opportunity.opened_at} />
          <Panel title="What was left of it, by latency" note="the same trade, sent so much later"><Ladder trades={trades.map((entry) => entry.trade)} isOpen={opportunity.closed_at === null} /></Panel>
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
  if (opening === null) return <Panel title="From gross to net"><Empty title="Its opening is not in the record." /></Panel>;
  if (peak === null) {
    return (
      <Panel title="From gross to net when it opened" note="each cost with its sign; the items of its best moment are recorded when it closes">
        <Waterfall stack={opening.stack} caption="Cost waterfall at the opening" />
      </Panel>
    );
  }
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
      <dd className="row"><span><At at={opportunity.opened_at} date /><End opportunity={opportunity} /></span></dd>
      <dt>Size</dt>
      <dd>{opportunity.size === null ? NOTHING : trimmed(opportunity.size, 6)} for {opportunity.notional_usd === null ? NOTHING : dollars(opportunity.notional_usd)}</dd>
      <dt>Net at its best</dt>
      <dd><Usd value={opportunity.peak_net_usd} places={4} arrow /> (<Bps value={opportunity.peak_net_edge_bps} /> bps)</dd>
      <dt>Age of each leg</dt>
      <dd>{opportunity.closed_at === null ? <span className="muted">recorded when it closes; at the opening under the replay below</span> : <>exchange <Ms value={opportunity.cex_age_ms} />, pool <Ms value={opportunity.pool_age_ms} /></>}</dd>
      <dt>Was it real?</dt>
      <dd className="row">
        <Grade grade={grade} />
        {grade === null ? opportunity.is_open ? "known when it has closed and its trades have settled" : "its trades have not all settled" : GRADE_WORDS[grade]}
        {opportunity.kept_percent === null ? null : <span className="muted">{trimmed(opportunity.kept_percent, 1)} % kept</span>}
      </dd>
    </dl>
  );
}

/** How it ended; one that is open goes on ageing here. */
function End({ opportunity }: { opportunity: Opportunity }): ReactNode {
  if (opportunity.is_open) return <>, <strong className="gain">still open</strong> after <Ago at={opportunity.opened_at} />, seen {opportunity.updates} times</>;
  if (opportunity.close_reason === null) return <>, <span className="warn">its end is not in the record: its run ended first, or it closed just now</span></>;
  return <> for <Ms value={opportunity.lifetime_ms} />, closed: {plain(opportunity.close_reason)}</>;
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

function Ladder({ trades, isOpen }: { trades: readonly Trade[]; isOpen: boolean }): ReactNode {
  if (trades.length === 0) return isOpen ? <Empty title="No trade has settled yet." /> : <Empty title="No simulated trade.">It was seen, but no trade was sent for it.</Empty>;
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
