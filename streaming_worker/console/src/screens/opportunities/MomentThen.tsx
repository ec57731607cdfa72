// What was known when the opportunity opened: both legs, each cost with its source and age, other sizes, and the proof.
import { Button, CopyButton } from "@mantine/core";
import type { ReactNode } from "react";

import { ApiError } from "../../api/client";
import { useGet } from "../../api/queries";
import type { OpportunityMoment } from "../../api/types";
import { dollars, drawn, trimmed } from "../../format/decimal";
import { meaning, plain } from "../../format/words";
import { Chart } from "../../parts/Chart";
import { Empty, Loaded, Panel } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { At, Bps, Ms, NOTHING, State, Usd, useNow } from "../../parts/values";

type Then = OpportunityMoment;
const LEVELS = 8;

const SEALED_MS = 5_000;

const FRESH_MS = 180_000;

/** What opened just now may not be in a sealed file yet, and then it is asked for until it is. */
export function MomentThen({ id, openedAt }: { id: string; openedAt: string }): ReactNode {
  const isFresh = useNow() - Date.parse(openedAt) < FRESH_MS;
  const then = useGet<Then>(`/opportunities/${encodeURIComponent(id)}/moment`, {}, { everyMs: (known) => (isFresh && known === undefined ? SEALED_MS : false) });
  if (isFresh && then.error instanceof ApiError && then.error.code === "not_replayable") {
    return (
      <Panel title="The moment it opened">
        <Empty title="It is not in a sealed file yet.">In some seconds it is replayed from the record: both books, each cost with its source, other sizes.</Empty>
      </Panel>
    );
  }
  return (
    <Loaded query={then} rows={12}>
      {(known) => (
        <>
          <Panel title="The moment it opened" note="replayed from the record by the engine that decided it">
            <Proof then={known} />
          </Panel>
          <div className="sides">
            <Panel title="The book then" note={known.book.instrument}><Book then={known} /></Panel>
            <Panel title="The pool then" note={known.pool.pool.slice(0, 14)}><Pool then={known} /></Panel>
          </div>
          <Panel title="Where each cost comes from" note="age of its input at the decision"><Costs then={known} /></Panel>
          <Panel title="Net by size" note="the same book and pool at other sizes; the dot is what was chosen"><Curve then={known} /></Panel>
        </>
      )}
    </Loaded>
  );
}

function Proof({ then }: { then: Then }): ReactNode {
  const { ending } = then;
  return (
    <dl className="pairs">
      <dt>Replay</dt>
      <dd className="row">
        <State state={then.is_same ? "passed" : "failed"} />
        {then.is_same ? "the same decision, to the last unit" : "another decision than the recorded one: the record was changed, or the program was"}
      </dd>
      <dt>Opened</dt>
      <dd><At at={then.at} date /></dd>
      <dt>Limits in force</dt>
      <dd>at least {trimmed(then.threshold_bps, 2)} bps net, at most {dollars(then.max_position_usd)}; every limit was passed</dd>
      <dt>First limit it failed</dt>
      <dd>{ending === null ? "none yet: it is open, or its end is not in a sealed file" : (
        <>{ending.reason === null ? plain(ending.close_reason) : meaning(ending.reason)} <span className="muted mono">{ending.reason}</span> after <Ms value={ending.lifetime_ms} />, which closed it</>
      )}</dd>
      <dt>Made from</dt>
      <dd className="small break">{then.source}</dd>
      <dt>By hand</dt>
      <dd className="row small">
        <code className="break">{then.command}</code>
        <CopyButton value={then.command}>
          {({ copied, copy }) => <Button size="compact-xs" variant="default" onClick={copy}>{copied ? "copied" : "copy"}</Button>}
        </CopyButton>
      </dd>
      <dt>Raw frames</dt>
      <dd className="small">
        {then.frames.length === 0 ? "not kept for this time" : (
          <ul className="stack tight">
            {then.frames.map((frame) => (
              <li key={`${frame.leg}${frame.sha256}`}>{frame.leg}: {frame.feed}, {frame.bytes} bytes, sha256 <span className="mono break">{frame.sha256}</span></li>
            ))}
          </ul>
        )}
      </dd>
    </dl>
  );
}

function Book({ then: { book } }: { then: Then }): ReactNode {
  const lines = [
    ...book.asks.slice(0, LEVELS).map((level) => ({ side: "ask", ...level })).reverse(),
    ...book.bids.slice(0, LEVELS).map((level) => ({ side: "bid", ...level })),
  ];
  return (
    <>
      <p className="small muted">Last change <Ms value={book.age_ms} /> before, {book.lag_ms === null ? "" : <>delivered within <Ms value={book.lag_ms} />, </>}{book.bid_count} bids and {book.ask_count} asks in all.</p>
      <table className="waterfall">
        <caption className="unseen">Best levels of the order book at the opening</caption>
        <thead><tr><th scope="col">side</th><th scope="col" className="right">price</th><th scope="col" className="right">size</th><th scope="col" className="right">up to here</th></tr></thead>
        <tbody>
          {lines.map((line) => (
            <tr key={`${line.side}${line.price}`}>
              <th scope="row" className="muted">{line.side}</th>
              <td className="num">{trimmed(line.price, 8)}</td>
              <td className="num">{trimmed(line.size, 4)}</td>
              <td className="num muted">{trimmed(line.cumulative_size, 4)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Pool({ then: { pool, curve } }: { then: Then }): ReactNode {
  const shown = curve.filter((_, index) => index % 4 === 0);
  return (
    <>
      <p className="small muted">Read <Ms value={pool.age_ms} /> before, at slot {pool.slot}.</p>
      <dl className="pairs">
        <dt>Price before fee</dt><dd>{pool.price === null ? NOTHING : trimmed(pool.price, 6)}</dd>
        <dt>Price after fee</dt><dd>{pool.price_after_fee === null ? NOTHING : trimmed(pool.price_after_fee, 6)}</dd>
        <dt>Fee</dt><dd>{trimmed(pool.fee_bps, 2)} bps</dd>
        <dt>Liquidity</dt><dd className="mono break">{pool.liquidity}</dd>
        <dt>Tick</dt><dd>{pool.tick_index}</dd>
      </dl>
      <table className="waterfall">
        <caption className="unseen">Average price in the pool by size</caption>
        <thead><tr><th scope="col">size</th><th scope="col" className="right">average price in the pool</th></tr></thead>
        <tbody>
          {shown.map((point) => <tr key={point.size}><th scope="row" className="num">{trimmed(point.size, 4)}</th><td className="num">{trimmed(point.pool_price, 6)}</td></tr>)}
        </tbody>
      </table>
    </>
  );
}

const COSTS: readonly Column<Then["costs"][number]>[] = [
  { id: "kind", head: "Cost", cell: (cost) => <span className="strong">{plain(cost.kind)}</span> },
  { id: "value", head: "Value", num: true, cell: (cost) => <Usd value={cost.value_usd} places={4} /> },
  { id: "source", head: "Source", wrap: true, cell: (cost) => cost.source },
  { id: "age", head: "Age", num: true, cell: (cost) => <Ms value={cost.age_ms} oldFrom={30_000} /> },
];

function Costs({ then }: { then: Then }): ReactNode {
  return <Table caption="Costs with source and age" columns={COSTS} rows={then.costs} short keyOf={(cost) => cost.kind} />;
}

const SIZES: readonly Column<Then["curve"][number]>[] = [
  { id: "size", head: "Size", num: true, cell: (point) => <span className={point.is_chosen ? "strong" : undefined}>{trimmed(point.size, 4)}{point.is_chosen ? " (chosen)" : ""}</span> },
  { id: "notional", head: "Notional", num: true, cell: (point) => <span className={point.is_within_cap ? undefined : "muted"}>{dollars(point.notional_usd)}{point.is_within_cap ? "" : " over the cap"}</span> },
  { id: "cex", head: "Book, average", num: true, cell: (point) => trimmed(point.cex_price, 4) },
  { id: "pool", head: "Pool, average", num: true, cell: (point) => trimmed(point.pool_price, 4) },
  { id: "net", head: "Net", num: true, cell: (point) => <Usd value={point.net_usd} places={3} arrow /> },
  { id: "edge", head: "Edge, bps", num: true, cell: (point) => <Bps value={point.net_edge_bps} /> },
];

function Curve({ then: { curve } }: { then: Then }): ReactNode {
  if (curve.length < 2) return <Empty title="One size only.">The book held no other.</Empty>;
  return (
    <>
      <Chart
        title="Net by size" x={curve.map((point) => drawn(point.size) ?? 0)} xUnit={(value) => value.toFixed(1)} height={170}
        lines={[
          { label: "net within the cap", colour: "gain", values: curve.map((point) => (point.is_within_cap ? drawn(point.net_usd) : null)) },
          { label: "net over the cap", colour: "muted", dash: true, values: curve.map((point) => (point.is_within_cap ? null : drawn(point.net_usd))) },
          { label: "chosen", colour: "accent", points: true, values: curve.map((point) => (point.is_chosen ? drawn(point.net_usd) : null)) },
        ]}
        unit={(value) => `$${value.toFixed(2)}`}
      />
      <details>
        <summary className="small">Every size</summary>
        <Table caption="Net by size" columns={SIZES} rows={curve} short keyOf={(point) => point.size} />
      </details>
    </>
  );
}
