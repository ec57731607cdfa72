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

// "coinbase:SOL-USD orca buy_cex_sell_pool": market, pool's venue, direction
function routeOf(text: string): { name: string; filter: string } {
  const [instrument = "", pool = "", direction = ""] = text.split(" ");
  const [cex = "", symbol = ""] = instrument.split(":");
  const [buy, sell] = direction === "buy_cex_sell_pool" ? [cex, pool] : [pool, cex];
  const filter = `instrument=${encodeURIComponent(instrument)}&direction=${direction}`;
  return { name: `${venueName(buy)} \u2192 ${venueName(sell)} ${symbol.toUpperCase()}`, filter };
}

function heatOf(cell: HeatCell, most: number, from: string): Heat {
  const edge = drawn(cell.best_net_edge_bps) ?? 0;
  const shown = cell.best_net_edge_bps === null ? "?" : bps(cell.best_net_edge_bps, 0);
  const route = routeOf(cell.route);
  const range = hourOf(from, cell.hour);
  return {
    strength: edge / most,
    text: shown,
    under: String(cell.opportunities),
    title: `${route.name}, ${cell.hour}:00 to ${cell.hour + 1}:00 UTC: ${cell.opportunities} opportunities, best ${shown} bps net`,
    href: `/opportunities?view=closed&${route.filter}&range=custom&from=${range.from}&to=${range.to}`,
  };
}

// in the order of the range, so that midnight does not tear the night apart
function hoursOf(cells: readonly HeatCell[], from: string): number[] {
  const first = new Date(from).getUTCHours();
  return [...new Set(cells.map((cell) => cell.hour))].sort((a, b) => ((a - first + 24) % 24) - ((b - first + 24) % 24));
}

export function OpportunityHeat({ from }: { from: string }): ReactNode {
  const heatmap = useGet<Heatmap>("/analytics/heatmap", { from }, { everyMs: 60_000, keep: true });
  return (
    <Loaded query={heatmap} rows={5}>
      {({ cells }) => {
        if (cells.length === 0) return <Empty title="No opportunity in this time.">Edges below the threshold are under refusals.</Empty>;
        const most = Math.max(...cells.map((cell) => Math.abs(drawn(cell.best_net_edge_bps) ?? 0)), 1);
        const hours = hoursOf(cells, from);
        const routes = [...new Set(cells.map((cell) => cell.route))].sort();
        return (
          <HeatTable
            caption="Best net edge by UTC hour and route, with the number of opportunities"
            corner="route \ hour (UTC)"
            columns={hours.map((hour) => `${String(hour).padStart(2, "0")}h`)}
            rows={routes.map((route) => ({
              name: routeOf(route).name,
              cells: hours.map((hour) => {
                const found = cells.find((cell) => cell.route === route && cell.hour === hour);
                return found === undefined ? null : heatOf(found, most, from);
              }),
            }))}
          />
        );
      }}
    </Loaded>
  );
}
