import type { ReactNode } from "react";

import { usePages } from "../../api/pages";
import { useGet } from "../../api/queries";
import type { Rejection, RejectionSummary } from "../../api/types";
import { trimmed } from "../../format/decimal";
import { meaning, plain, venueName } from "../../format/words";
import type { AddressDoor } from "../../parts/address";
import { Bars } from "../../parts/figures";
import { Choice, options, PairFilter, Reset } from "../../parts/Filters";
import { RangeField, rangeOf } from "../../parts/range";
import { Empty, Failed, Loaded, Loading, Panel } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { ExportMenu, Pager } from "../../parts/tools";
import { At, Bps, NOTHING, Num, Usd } from "../../parts/values";
import { DIRECTIONS, VENUES } from "./ClosedView";

const COLUMNS: readonly Column<Rejection>[] = [
  { id: "at", head: "Until", cell: (row) => <At at={row.recorded_at} date /> },
  { id: "route", head: "Route", cell: (row) => <span className="strong">{venueName(row.buy_venue)} {"\u2192"} {venueName(row.sell_venue)}</span> },
  { id: "market", head: "Market", cell: (row) => row.instrument },
  { id: "reason", head: "First limit that failed", wrap: true, cell: (row) => <>{meaning(row.reason)} <span className="muted mono">{row.reason}</span></> },
  { id: "count", head: "Times", num: true, cell: (row) => <Num value={row.count} /> },
  { id: "edge", head: "Best gross edge, bps", num: true, cell: (row) => <Bps value={row.best_edge_bps} /> },
  { id: "size", head: "Best size", num: true, cell: (row) => (row.best_size === null ? NOTHING : trimmed(row.best_size, 4)) },
  { id: "net", head: "Its net", num: true, title: "what the best refused candidate would have earned", cell: (row) => <Usd value={row.best_net_usd} places={3} /> },
];

const REASONS = [
  "below_threshold", "costs_exceed_edge", "no_edge", "risk_not_active", "worker_late", "cooling_down", "feed_not_live", "book_not_synced",
  "book_crossed", "book_empty", "pool_not_synced", "pool_no_liquidity", "stale_leg", "fee_unknown", "rebalancing_unknown", "leg_busy",
  "sol_price_missing", "sol_price_stale", "below_minimum_size", "insufficient_inventory", "pool_refused",
];

export function RefusedView({ address }: { address: AddressDoor }): ReactNode {
  const { values } = address;
  const filter = {
    ...rangeOf(values, "hour"), venue: values["venue"], direction: values["direction"], reason: values["reason"], pair: values["pair"], instrument: values["instrument"],
  };
  const summary = useGet<RejectionSummary>("/rejections/summary", filter, { keep: true, everyMs: 30_000 });
  const pages = usePages<Rejection>("/rejections", filter);
  return (
    <>
      <Panel title="Refused candidates" actions={<ExportMenu name="rejections" query={filter} />} note="each look at a route ends with the first limit that it failed; looks are counted, the best candidate is kept">
        <div className="filters">
          <RangeField address={address} preset="hour" />
          <Choice address={address} name="reason" label="Reason" isFirst options={options(REASONS, plain)} />
          <Choice address={address} name="venue" label="Venue" options={options(VENUES, venueName)} />
          <PairFilter address={address} />
          <Choice address={address} name="direction" label="Direction" options={options(DIRECTIONS, plain)} />
          <Reset address={address} names={["reason", "venue", "pair", "direction", "instrument"]} />
        </div>
      </Panel>
      <div className="cells">
        <Panel className="w5" title="By reason">
          <Loaded query={summary}>
            {({ reasons, evaluations }) => reasons.length === 0 ? <Empty title="Nothing was refused in this time." /> : (
              <>
                <Bars label="Refusals by reason" bars={reasons.map((reason) => ({
                  key: reason.reason, label: meaning(reason.reason), size: reason.count, tone: "info",
                  text: <><Num value={reason.count} /> <span className="muted">{Number(reason.share_percent).toFixed(1)} %</span></>,
                  href: `/opportunities?view=refused&reason=${reason.reason}&range=${values["range"] ?? "hour"}`,
                }))} />
                <p className="muted small"><Num value={evaluations} /> looks in all</p>
              </>
            )}
          </Loaded>
        </Panel>
        <Panel className="w7" title="The best that were refused" note="near misses: what would have earned most">
          <Loaded query={summary}>
            {({ best }) => best.length === 0 ? <Empty title="No refused candidate had a price on both legs." /> : (
              <Table caption="Best refused candidates" columns={COLUMNS} short rows={best} keyOf={keyOf} />
            )}
          </Loaded>
        </Panel>
      </div>
      <Panel title="Every interval">
        {pages.error !== null ? <Failed error={pages.error} retry={pages.again} /> : pages.isLoading ? <Loading rows={8} /> : pages.items.length === 0 ? (
          <Empty title="Nothing was refused in this time." />
        ) : (
          <>
            <Table caption="Refusals by interval" columns={COLUMNS} rows={pages.items} keyOf={keyOf} picked={null} />
            <Pager shown={pages.items.length} total={pages.total} what="rows" hasMore={pages.hasMore} isBusy={pages.isBusy} onMore={pages.more} />
          </>
        )}
      </Panel>
    </>
  );
}

function keyOf(row: Rejection): string {
  return [row.run_id, row.recorded_ns, row.instrument, row.pool, row.direction, row.reason].join("/");
}
