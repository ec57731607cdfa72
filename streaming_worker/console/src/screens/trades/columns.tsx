import type { Trade } from "../../api/types";
import { trimmed } from "../../format/decimal";
import { age } from "../../format/time";
import { venueName } from "../../format/words";
import type { AddressDoor } from "../../parts/address";
import type { Column } from "../../parts/Table";
import { At, Bps, State, Usd } from "../../parts/values";
import { Grade } from "../opportunities/columns";

export function tradeColumns(set: AddressDoor["set"]): readonly Column<Trade>[] {
  return [
    {
      id: "at", head: "Decided", sort: "decided_at",
      cell: (trade) => <button type="button" className="opener" onClick={() => set({ trade: trade.id })}><At at={trade.decided_at} date /></button>,
    },
    { id: "route", head: "Route", cell: (trade) => <span className="strong">{venueName(trade.buy_venue)} {"\u2192"} {venueName(trade.sell_venue)}</span> },
    { id: "realised", head: "Realised", num: true, sort: "realised_net_usd", cell: (trade) => <Usd value={trade.realised_net_usd} places={3} arrow /> },
    { id: "grade", head: "Grade", cell: (trade) => <Grade grade={trade.grade} /> },
    { id: "predicted", head: "Predicted", num: true, sort: "predicted_net_usd", cell: (trade) => <Usd value={trade.predicted_net_usd} places={3} /> },
    { id: "difference", head: "Difference", num: true, cell: (trade) => <Usd value={trade.difference_usd} places={3} /> },
    { id: "latency", head: "Latency", num: true, sort: "latency_ms", cell: (trade) => age(trade.latency_ms) },
    { id: "legs", head: "Legs", cell: (trade) => <span className="row nowrap">{trade.statuses.map((status, index) => <State key={index} state={status} />)}</span> },
    { id: "size", head: "Size", num: true, cell: (trade) => trimmed(trade.size, 4) },
    { id: "notional", head: "Notional", num: true, sort: "notional_usd", cell: (trade) => `$${trimmed(trade.notional_usd, 2)}` },
    { id: "bps", head: "Realised, bps", num: true, cell: (trade) => <Bps value={trade.realised_net_bps} /> },
    { id: "market", head: "Market", cell: (trade) => trade.instrument },
  ];
}
