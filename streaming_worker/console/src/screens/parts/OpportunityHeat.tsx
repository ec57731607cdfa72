import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { useGet } from "../../api/queries";
import type { HeatCell, Heatmap } from "../../api/types";
import { bps, drawn } from "../../format/decimal";
import { venueName } from "../../format/words";
import { type Heat, HeatTable } from "../../parts/figures";
import { Empty, Loaded } from "../../parts/states";

const HOUR_MS = 3_600_000;

/** The one hour of the range that has this number on the UTC clock; the range is a day long. */
function hourOf(from: string, hour: number): { from: string; to: string } {
  const first = Date.parse(from);
  const at = first + ((hour - new Date(first).getUTCHours() + 24) % 24) * HOUR_MS;
  return { from: new Date(at).toISOString(), to: new Date(at + HOUR_MS).toISOString() };
}

function nameOf({ instrument, pool, direction }: HeatCell): string {
  const [cex = "", symbol = ""] = instrument.split(":");
  const [dex = ""] = pool.split(":");
  const [buy, sell] = direction === "buy_cex_sell_pool" ? [cex, dex] : [dex, cex];
  return `${venueName(buy)} \u2192 ${venueName(sell)} ${symbol.toUpperCase()}`;
}

const keyOf = ({ instrument, pool, direction }: HeatCell): string => `${instrument} ${pool} ${direction}`;

/** One row for each market, pool and direction; pools of one venue are told apart by the start of their address. */
function rowsOf(cells: readonly HeatCell[]): { key: string; name: string }[] {
  const firsts = new Map(cells.map((cell) => [keyOf(cell), cell]));
  const names = [...firsts.values()].map(nameOf);
  return [...firsts.entries()].map(([key, cell]) => {
    const name = nameOf(cell);
    const isAlone = names.filter((other) => other === name).length === 1;
    return { key, name: isAlone ? name : `${name} (${cell.pool.split(":").at(-1)?.slice(0, 4) ?? ""})` };
  });
}

function heatOf(cell: HeatCell, most: number, from: string): Heat {
  const edge = drawn(cell.best_net_edge_bps) ?? 0;
  const shown = cell.best_net_edge_bps === null ? "?" : bps(cell.best_net_edge_bps, 0);
  const filter = new URLSearchParams({ instrument: cell.instrument, pool: cell.pool, direction: cell.direction }).toString();
  const range = hourOf(from, cell.hour);
  return {
    strength: edge / most,
    text: shown,
    under: String(cell.opportunities),
    title: `${nameOf(cell)}, ${cell.hour}:00 to ${cell.hour + 1}:00 UTC: ${cell.opportunities} opportunities, best ${shown} bps net`,
    href: `/opportunities?view=closed&${filter}&range=custom&from=${range.from}&to=${range.to}`,
  };
}

// in the order of the range, so that midnight does not tear the night apart
function hoursOf(cells: readonly HeatCell[], from: string): number[] {
  const first = new Date(from).getUTCHours();
  return [...new Set(cells.map((cell) => cell.hour))].sort((a, b) => ((a - first + 24) % 24) - ((b - first + 24) % 24));
}

/** Each hour that had opportunities: how many over all routes, and the best edge among them. */
export function byHour(cells: readonly HeatCell[], from: string): { opportunities: number; best: number | null }[] {
  return hoursOf(cells, from).map((hour) => {
    const inside = cells.filter((cell) => cell.hour === hour);
    const edges = inside.map((cell) => drawn(cell.best_net_edge_bps)).filter((edge) => edge !== null);
    return {
      opportunities: inside.reduce((sum, cell) => sum + cell.opportunities, 0),
      best: edges.length === 0 ? null : Math.max(...edges),
    };
  });
}

/** What each hour and route since a moment had; asked for once, whoever shows it. */
export function useHeat(from: string): UseQueryResult<Heatmap> {
  return useGet<Heatmap>("/analytics/heatmap", { from }, { everyMs: 60_000, keep: true });
}

export function OpportunityHeat({ from }: { from: string }): ReactNode {
  const heatmap = useHeat(from);
  return (
    <Loaded query={heatmap} rows={5}>
      {({ cells }) => {
        if (cells.length === 0) return <Empty title="No opportunity in this time.">Edges below the threshold are under refusals.</Empty>;
        const most = Math.max(...cells.map((cell) => Math.abs(drawn(cell.best_net_edge_bps) ?? 0)), 1);
        const hours = hoursOf(cells, from);
        return (
          <HeatTable
            caption="Best net edge by UTC hour and route, with the number of opportunities"
            corner="route \ hour (UTC)"
            columns={hours.map((hour) => `${String(hour).padStart(2, "0")}h`)}
            rows={rowsOf(cells).map(({ key, name }) => ({
              name,
              cells: hours.map((hour) => {
                const found = cells.find((cell) => keyOf(cell) === key && cell.hour === hour);
                return found === undefined ? null : heatOf(found, most, from);
              }),
            }))}
          />
        );
      }}
    </Loaded>
  );
}
