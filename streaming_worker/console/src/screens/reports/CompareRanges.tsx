// One range against another: the figures of both, and what changed.
import { Button } from "@mantine/core";
import type { ReactNode } from "react";

import { useGet } from "../../api/queries";
import type { Pnl } from "../../api/types";
import { difference, trimmed } from "../../format/decimal";
import { plain } from "../../format/words";
import type { AddressDoor } from "../../parts/address";
import { RangeField, rangeOf } from "../../parts/range";
import { Empty, Loaded } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { At, Usd } from "../../parts/values";

interface Line {
  name: string;
  first: string;
  second: string;
  isMoney: boolean;
}

function linesOf(first: Pnl, second: Pnl): readonly Line[] {
  const money = (name: string, one: string, other: string): Line => ({ name, first: one, second: other, isMoney: true });
  const costs = new Map<string, string>(second.realised.costs.map((cost) => [cost.kind, cost.value_usd]));
  return [
    money("realised net", first.realised_net_usd, second.realised_net_usd),
    money("predicted net", first.predicted.net_usd, second.predicted.net_usd),
    money("gross", first.realised.gross_usd, second.realised.gross_usd),
    ...first.realised.costs.map((cost) => money(plain(cost.kind), cost.value_usd, costs.get(cost.kind) ?? "0")),
    money("largest drawdown", first.max_drawdown_usd, second.max_drawdown_usd),
    money("notional", first.notional_usd, second.notional_usd),
    { name: "trades", first: String(first.trades), second: String(second.trades), isMoney: false },
    { name: "winning trades", first: String(first.winning_trades), second: String(second.winning_trades), isMoney: false },
  ];
}

function shown(value: string, isMoney: boolean): ReactNode {
  return isMoney ? <Usd value={value} /> : trimmed(value, 0);
}

const COLUMNS: readonly Column<Line>[] = [
  { id: "name", head: "Figure", cell: (line) => <span className="strong">{line.name}</span> },
  { id: "first", head: "First range", num: true, cell: (line) => shown(line.first, line.isMoney) },
  { id: "second", head: "Second range", num: true, cell: (line) => shown(line.second, line.isMoney) },
  { id: "change", head: "Change", num: true, cell: (line) => shown(difference(line.second, line.first), line.isMoney) },
];

/** The range of the same length that ends where this one begins. */
function before(from: string, to: string): { from: string; to: string } {
  const start = Date.parse(from);
  return { from: new Date(2 * start - Date.parse(to)).toISOString(), to: new Date(start).toISOString() };
}

export function CompareRanges({ address }: { address: AddressDoor }): ReactNode {
  const second = useGet<Pnl>("/pnl", { ...rangeOf(address.values, "week"), group_by: "day" }, { keep: true });
  const known = second.data;
  const isChosen = address.values["other_range"] !== undefined;
  const other: { from?: string | undefined; to?: string | undefined } = isChosen ? rangeOf(address.values, "week", "other_") : known === undefined ? {} : before(known.from_at, known.to_at);
  const first = useGet<Pnl>("/pnl", { ...other, group_by: "day" }, { enabled: known !== undefined, keep: true });
  return (
    <>
      <p className="small muted">The second range is the one chosen at the top; the first is {isChosen ? "your own" : "as long, and ends where the second begins"}.</p>
      <div className="filters">
        {isChosen ? (
          <>
            <RangeField address={address} preset="week" prefix="other_" label="First range" />
            <Button size="xs" variant="default" onClick={() => address.set({ other_range: null, other_from: null, other_to: null })}>The one before</Button>
          </>
        ) : <Button size="xs" variant="default" onClick={() => address.set({ other_range: "custom", other_from: other.from ?? null, other_to: other.to ?? null })}>Another first range{"\u2026"}</Button>}
      </div>
      <Loaded query={first}>
        {(one) => known === undefined ? <Empty title="The second range is not there yet." /> : (
          <>
            <p className="small">First: <At at={one.from_at} date /> until before <At at={one.to_at} date />. Second: <At at={known.from_at} date /> until before <At at={known.to_at} date />.</p>
            <Table caption="Two ranges side by side" columns={COLUMNS} rows={linesOf(one, known)} keyOf={(line) => line.name} />
          </>
        )}
      </Loaded>
    </>
  );
}
