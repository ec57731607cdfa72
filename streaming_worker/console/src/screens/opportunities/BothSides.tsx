import type { ReactNode } from "react";

import { useGet } from "../../api/queries";
import type { BookDepth, Level, PoolTop } from "../../api/types";
import { trimmed } from "../../format/decimal";
import { Empty, Loaded } from "../../parts/states";
import { Ms, NOTHING, State } from "../../parts/values";

const LEVELS = 8;

export function BookNow({ name }: { name: string }): ReactNode {
  const depth = useGet<BookDepth>(`/books/${encodeURIComponent(name)}`, { depth: LEVELS }, { everyMs: 5_000, keep: true });
  return (
    <Loaded query={depth}>
      {({ top, bids, asks }) => (
        <>
          <p className="row small"><State state={top.state} />age <Ms value={top.age_ms} oldFrom={10_000} /></p>
          {top.is_synced ? <Sides bids={bids.slice(0, LEVELS)} asks={asks.slice(0, LEVELS)} /> : <Empty title="The book is being rebuilt." />}
        </>
      )}
    </Loaded>
  );
}

function Sides({ bids, asks }: { bids: readonly Level[]; asks: readonly Level[] }): ReactNode {
  return (
    <table className="waterfall">
      <caption className="unseen">Best levels of the order book</caption>
      <thead><tr><th scope="col">side</th><th scope="col" className="right">price</th><th scope="col" className="right">size</th></tr></thead>
      <tbody>
        {[...asks].reverse().map((level) => <Line key={`ask${level.price}`} side="ask" level={level} />)}
        {bids.map((level) => <Line key={`bid${level.price}`} side="bid" level={level} />)}
      </tbody>
    </table>
  );
}

function Line({ side, level }: { side: "bid" | "ask"; level: Level }): ReactNode {
  return (
    <tr>
      <th scope="row" className="muted">{side}</th>
      <td className="num">{trimmed(level.price, 8)}</td>
      <td className="num">{trimmed(level.size, 4)}</td>
    </tr>
  );
}

export function PoolNow({ name }: { name: string }): ReactNode {
  const pool = useGet<{ top: PoolTop }>(`/pools/${encodeURIComponent(name)}`, {}, { everyMs: 5_000, keep: true });
  return (
    <Loaded query={pool}>
      {({ top }) => (
        <dl className="pairs">
          <dt>State</dt><dd><State state={top.state} /></dd>
          <dt>Price before fee</dt><dd>{top.price === null ? NOTHING : trimmed(top.price, 8)} {top.quote}</dd>
          <dt>Liquidity</dt><dd className="mono">{top.liquidity ?? NOTHING}</dd>
          <dt>Tick</dt><dd>{top.tick_current_index ?? NOTHING}</dd>
          <dt>Slot</dt><dd>{top.slot ?? NOTHING}</dd>
          <dt>Age</dt><dd><Ms value={top.age_ms} oldFrom={10_000} /></dd>
          <dt>Address</dt><dd className="mono">{top.address}</dd>
        </dl>
      )}
    </Loaded>
  );
}
