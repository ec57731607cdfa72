import { Button } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";

import { useGet } from "../../api/queries";
import type { Trade, TradePage } from "../../api/types";
import { venueName } from "../../format/words";
import { useLive } from "../../live/store";
import { Empty, Loading } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { At, toneOf, Usd } from "../../parts/values";

const SHOWN = 9;

const COLUMNS: readonly Column<Trade>[] = [
  { id: "at", head: "Decided", cell: (trade) => <Link to={`/trades?trade=${trade.id}`}><At at={trade.decided_at} /></Link> },
  { id: "route", head: "Route", cell: (trade) => <>{venueName(trade.buy_venue)} {"\u2192"} {venueName(trade.sell_venue)}</> },
  { id: "net", head: "Net", num: true, cell: (trade) => <Usd value={trade.realised_net_usd} arrow /> },
  { id: "legs", head: "Legs", cell: (trade) => <Legs statuses={trade.statuses} /> },
];

/** What became of the legs in one word where they agree: here there is little room. */
function Legs({ statuses }: { statuses: Trade["statuses"] }): ReactNode {
  const bad = statuses.find((status) => toneOf(status) !== "good");
  const words = bad === undefined ? "filled" : bad.toLowerCase();
  return <span className={`tag ${toneOf(words)}`} title={statuses.join(", ")}>{words}</span>;
}

/** The newest simulated trades at the primary latency, as they complete; holding them still counts what comes. */
export function TradeStream(): ReactNode {
  const live = useLive<{ items: Trade[] }>("trades");
  const asked = useGet<TradePage>("/trades", { limit: SHOWN, primary: true }, { enabled: live === undefined });
  const [held, setHeld] = useState<readonly Trade[] | null>(null);
  const all = (live?.items ?? asked.data?.items)?.filter((trade) => trade.is_primary);
  if (all === undefined) return <Loading rows={6} />;
  if (all.length === 0) return <Empty title="No simulated trade yet.">One appears when an opportunity passes every limit.</Empty>;
  const fresh = held === null ? 0 : Math.max(0, all.findIndex((trade) => trade.id === held[0]?.id));
  return (
    <>
      <div className="row">
        <Button variant="default" data-key="pause" onClick={() => setHeld(held === null ? all : null)}>
          {held === null ? "Hold still" : `Go on (${fresh} new)`}
        </Button>
      </div>
      <Table caption="Newest simulated trades" columns={COLUMNS} rows={(held ?? all).slice(0, SHOWN)} keyOf={(trade) => trade.id} />
    </>
  );
}
