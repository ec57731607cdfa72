// What each opportunity would have earned: predicted against realised, leg by leg. No order was ever sent.
import { type ReactNode, useMemo } from "react";
import { Link } from "react-router";

import { usePages } from "../api/pages";
import { type QueryValues, useGet } from "../api/queries";
import type { TagCounts, Trade, TradeTotals } from "../api/types";
import { age } from "../format/time";
import { plain, venueName } from "../format/words";
import { type AddressDoor, useAddress, useLinkTo } from "../parts/address";
import { Choice, options, PairFilter, Reset, TextFilter } from "../parts/Filters";
import { Kpi } from "../parts/figures";
import { RangeField, rangeOf } from "../parts/range";
import { Empty, Failed, Loaded, Loading, Panel, Screen } from "../parts/states";
import { Table } from "../parts/Table";
import { ColumnMenu, ExportMenu, Pager, useHidden } from "../parts/tools";
import { Num, Usd } from "../parts/values";
import { StackPair } from "../parts/Waterfall";
import { DIRECTIONS, VENUES } from "./opportunities/ClosedView";
import { tradeColumns } from "./trades/columns";
import { TradeDrawer } from "./trades/TradeDrawer";

const LATENCIES = ["0", "50", "100", "250", "500", "1000", "2000"];
const STATUSES = ["filled", "partial", "reverted", "missed"];
const FILTERS = ["venue", "direction", "latency_ms", "status", "won", "grade", "min_net", "pair", "instrument", "opportunity_id", "q", "latency_model", "tag"];

function filterOf(address: AddressDoor): QueryValues {
  const { values } = address;
  const latency = values["latency_ms"] ?? "primary";
  return {
    ...rangeOf(values, "day"),
    ...Object.fromEntries(FILTERS.filter((name) => name !== "latency_ms").map((name) => [name, values[name]])),
    ...(latency === "primary" ? { primary: true } : latency === "every" ? {} : { latency_ms: latency }),
  };
}

export default function Trades(): ReactNode {
  const address = useAddress();
  const { values, set } = address;
  const filter = filterOf(address);
  const sort = values["sort"] ?? "-decided_at";
  const pages = usePages<Trade>("/trades", { ...filter, sort });
  const columns = useMemo(() => tradeColumns(set), [set]);
  const hidden = useHidden("trades");
  const tags = useGet<TagCounts>("/trades/tags", {}, { everyMs: 60_000 }).data?.items ?? [];
  return (
    <Screen title="Simulated trades" lead="Each accepted opportunity, traded on paper at several latencies against the market as it then was. Totals and exports cover the whole filter, not the page.">
      <Panel
        title="Filter"
        actions={<div className="row"><ColumnMenu table="trades" columns={columns} /><ExportMenu name="trades" query={{ ...filter, sort }} /></div>}
      >
        <div className="filters">
          <RangeField address={address} preset="day" />
          <Choice address={address} name="latency_ms" label="Latency" all="ours (primary)" isFirst
            options={[{ value: "every", label: "every rung" }, ...options(LATENCIES, (text) => age(Number(text)))]} />
          <Choice address={address} name="venue" label="Venue" options={options(VENUES, venueName)} />
          <PairFilter address={address} />
          <Choice address={address} name="direction" label="Direction" options={options(DIRECTIONS, plain)} />
          <Choice address={address} name="status" label="A leg was" options={options(STATUSES)} />
          <Choice address={address} name="won" label="Result" options={[{ value: "true", label: "won" }, { value: "false", label: "lost or nothing" }]} />
          <Choice address={address} name="grade" label="Grade" options={options(["A", "B", "C", "D", "E", "F"])} />
          {tags.length === 0 ? null : <Choice address={address} name="tag" label="Tag" options={tags.map((one) => ({ value: one.tag, label: `${one.tag} (${one.trades})` }))} />}
          <TextFilter address={address} name="min_net" label="Net at least, $" isNumber />
          <TextFilter address={address} name="q" label="Find text" placeholder="id, market, venue" isWide />
          <Reset address={address} names={FILTERS} />
        </div>
      </Panel>
      <Totals filter={filter} />
      <Panel title="Trades">
        {pages.error !== null ? <Failed error={pages.error} retry={pages.again} /> : pages.isLoading ? <Loading rows={10} /> : pages.items.length === 0 ? (
          <Empty title="No simulated trade fits.">Widen the time range or clear a filter.</Empty>
        ) : (
          <>
            <Table
              caption="Simulated trades" columns={columns} rows={pages.items} keyOf={(trade) => trade.id} hidden={hidden}
              sort={sort} onSort={(next) => set({ sort: next })} picked={values["trade"] ?? null}
            />
            <Pager shown={pages.items.length} total={pages.total} what="trades" hasMore={pages.hasMore} isBusy={pages.isBusy} onMore={pages.more} />
          </>
        )}
      </Panel>
      <TradeDrawer id={values["trade"] ?? null} onClose={() => set({ trade: null })} />
    </Screen>
  );
}

function Totals({ filter }: { filter: QueryValues }): ReactNode {
  const linkTo = useLinkTo();
  const totals = useGet<TradeTotals>("/trades/totals", filter, { keep: true });
  return (
    <Loaded query={totals} rows={3}>
      {(sums) => (
        <div className="cells">
          <div className="w7">
            <div className="kpis">
              <Kpi name="Trades in the filter" value={<Num value={sums.trades} />} under={<Link to={linkTo("/opportunities", { view: "closed" })}><Num value={sums.opportunities} /> opportunities</Link>} />
              <Kpi name="Realised net" value={<Usd value={sums.realised_net_usd} />} under={<>predicted <Usd value={sums.predicted_net_usd} /></>} />
              <Kpi name="Won" to={linkTo("/trades", { won: "true" })} value={<><Num value={sums.winning_trades} /><span className="muted"> / {sums.trades}</span></>} under={<>{sums.unwound_trades} unwound</>} />
              <Kpi name="Notional" value={<span>$<Num value={sums.notional_usd} /></span>} under="sum of both directions" />
            </div>
          </div>
          <Panel className="w5" title="Predicted against realised, whole filter">
            <StackPair first={sums.predicted} second={sums.realised} names={["predicted", "realised"]} />
          </Panel>
        </div>
      )}
    </Loaded>
  );
}
