import { Drawer } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { useGet } from "../../api/queries";
import type { Leg, Trade, TradeDetail } from "../../api/types";
import { drawn, trimmed } from "../../format/decimal";
import { age } from "../../format/time";
import { plain, venueName } from "../../format/words";
import { Chart } from "../../parts/Chart";
import { Loaded, Panel } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { At, Ms, NOTHING, State, Usd } from "../../parts/values";
import { StackPair } from "../../parts/Waterfall";
import { Grade } from "../opportunities/columns";
import { TradeAnnotations } from "./Annotations";

export function TradeDrawer({ id, onClose }: { id: string | null; onClose: () => void }): ReactNode {
  return (
    <Drawer opened={id !== null} onClose={onClose} position="right" size="min(720px, 100vw)" title="Simulated trade" closeButtonProps={{ "aria-label": "Close trade" }}>
      {id === null ? null : <Content id={id} />}
    </Drawer>
  );
}

const LEGS: readonly Column<Leg>[] = [
  { id: "kind", head: "Leg", cell: (leg) => <span className="strong">{plain(leg.kind)}</span> },
  { id: "venue", head: "Venue", cell: (leg) => venueName(leg.venue) },
  { id: "status", head: "Ended", cell: (leg) => <State state={leg.status} /> },
  { id: "due", head: "Due", cell: (leg) => <At at={leg.due_at} /> },
  { id: "delay", head: "Filled after due", num: true, cell: (leg) => <Ms value={leg.delay_ms} /> },
  { id: "size", head: "Size", num: true, cell: (leg) => trimmed(leg.size, 4) },
  { id: "cash", head: "Cash", num: true, cell: (leg) => <Usd value={leg.cash_usd} places={3} /> },
  { id: "fee", head: "Fee", num: true, cell: (leg) => <Usd value={leg.fee_usd} places={4} /> },
  { id: "slot", head: "Slot", num: true, cell: (leg) => leg.slot ?? NOTHING },
];

function Content({ id }: { id: string }): ReactNode {
  const detail = useGet<TradeDetail>(`/trades/${encodeURIComponent(id)}`);
  return (
    <Loaded query={detail} rows={12}>
      {({ trade, legs, ladder }) => (
        <div className="stack">
          <dl className="pairs">
            <dt>Route</dt><dd className="strong">{venueName(trade.buy_venue)} {"\u2192"} {venueName(trade.sell_venue)}, {trade.instrument}</dd>
            <dt>Decided</dt><dd><At at={trade.decided_at} date />, done <At at={trade.completed_at} /></dd>
            <dt>Size</dt><dd>{trimmed(trade.size, 6)} for ${trimmed(trade.notional_usd, 2)}</dd>
            <dt>Predicted</dt><dd><Usd value={trade.predicted_net_usd} places={4} /></dd>
            <dt>Realised</dt><dd><Usd value={trade.realised_net_usd} places={4} arrow /></dd>
            <dt>Opportunity</dt><dd><Link to={`/opportunities?id=${trade.opportunity_id}`}>open it</Link> <Grade grade={trade.grade} /></dd>
          </dl>
          <Panel title="Predicted against realised"><StackPair first={trade.predicted} second={trade.realised} names={["predicted", "realised"]} /></Panel>
          <Panel title="Legs in time" note="from the decision to the last leg"><LegTiming trade={trade} legs={legs} /><Table caption="Legs" columns={LEGS} rows={legs} keyOf={(leg) => String(leg.position)} /></Panel>
          <TradeAnnotations id={trade.id} />
          <Panel title="The same trade at each latency"><Ladder trades={ladder} /></Panel>
          <Panel title="Identity"><p className="mono break">{trade.id}</p></Panel>
        </div>
      )}
    </Loaded>
  );
}

/** When each leg was due and when it filled, on one line of time from the decision. */
function LegTiming({ trade, legs }: { trade: Trade; legs: readonly Leg[] }): ReactNode {
  const from = Date.parse(trade.decided_at);
  const spans = legs.map((leg) => ({ leg, due: Date.parse(leg.due_at) - from, filled: Date.parse(leg.filled_at) - from }));
  const whole = Math.max(1, ...spans.map((span) => Math.max(span.filled, span.due)));
  return (
    <table className="waterfall">
      <caption className="unseen">When each leg was due and when it filled, after the decision</caption>
      <tbody>
        {spans.map(({ leg, due, filled }) => (
          <tr key={leg.position}>
            <th scope="row">{plain(leg.kind)}</th>
            <td className="lane"><span style={{ left: `${(Math.max(0, due) / whole) * 100}%`, width: `${Math.max(1, ((filled - due) / whole) * 100)}%`, background: `var(--${leg.status === "filled" ? "info" : "loss"})` }} /></td>
            <td className="num">due {age(due)}, filled {age(filled)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Ladder({ trades }: { trades: readonly Trade[] }): ReactNode {
  const sorted = [...trades].sort((a, b) => a.latency_ms - b.latency_ms);
  return (
    <Chart
      title="Realised net by latency"
      x={sorted.map((trade) => trade.latency_ms)}
      xUnit={(value) => age(value)}
      height={160}
      lines={[
        { label: "realised net", colour: "gain", values: sorted.map((trade) => drawn(trade.realised_net_usd)), points: true },
        { label: "predicted net", colour: "info", values: sorted.map((trade) => drawn(trade.predicted_net_usd)), dash: true },
      ]}
      unit={(value) => `$${value.toFixed(2)}`}
    />
  );
}
