import { Button } from "@mantine/core";
import { type ReactNode, useMemo, useState } from "react";

import { useGet } from "../../api/queries";
import type { BookTop, BookTopPage, Opportunity, OpportunityPage, PoolTop, PoolTopPage } from "../../api/types";
import { compare, isDecimal, trimmed } from "../../format/decimal";
import { plain, venueName } from "../../format/words";
import { useLive, useLink } from "../../live/store";
import type { Address, AddressDoor } from "../../parts/address";
import { Choice, options, Reset, TextFilter } from "../../parts/Filters";
import { Empty, Loading, Panel } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { Ago, Bps, Ms, NOTHING, State, Usd } from "../../parts/values";
import { DIRECTIONS, VENUES } from "./ClosedView";
import { closedColumns } from "./columns";
import { RuleButton, RuleForm, type RuleRoute } from "./RuleForm";

const NEWEST = 15;
const BRIEF = new Set(["at", "route", "size", "net", "edge", "cex_age", "pool_age", "life", "grade", "realised"]);

const openColumns = (set: AddressDoor["set"], tell: (of: RuleRoute) => void): readonly Column<Opportunity>[] => [
  {
    id: "route", head: "Route",
    cell: (row) => <button type="button" className="opener" onClick={() => set({ id: row.id })}>{venueName(row.buy_venue)} {"\u2192"} {venueName(row.sell_venue)}</button>,
  },
  { id: "instrument", head: "Market", cell: (row) => row.instrument },
  { id: "size", head: "Size", num: true, cell: (row) => (row.size === null ? NOTHING : trimmed(row.size, 4)) },
  { id: "gross", head: "Gross, bps", num: true, title: "at the opening, before all costs", cell: (row) => <Bps value={row.gross_edge_bps} /> },
  { id: "net", head: "Net, bps", num: true, title: "at the opening, after all costs", cell: (row) => <Bps value={row.net_edge_bps} /> },
  { id: "opening", head: "Net at opening", num: true, cell: (row) => <Usd value={row.net_usd} places={3} /> },
  { id: "peak", head: "Best net", num: true, cell: (row) => <Usd value={row.peak_net_usd} places={3} arrow /> },
  { id: "edge", head: "Best edge, bps", num: true, cell: (row) => <Bps value={row.peak_net_edge_bps} /> },
  { id: "age", head: "Open for", num: true, cell: (row) => <Ago at={row.opened_at} /> },
  { id: "updates", head: "Seen", num: true, title: "how many updates it has lived through", cell: (row) => row.updates },
  { id: "rule", head: "", cell: (row) => <RuleButton of={row} onOpen={tell} /> },
];

export function LiveView({ address }: { address: AddressDoor }): ReactNode {
  const rows = useLive<{ items: Opportunity[] }>("opportunities")?.items;
  return (
    <>
      <OpenNow rows={rows?.filter((row) => row.is_open)} address={address} />
      <Prices />
      <JustClosed rows={rows?.filter((row) => !row.is_open)} address={address} />
    </>
  );
}

function fits(row: Opportunity, values: Address): boolean {
  const { venue, direction, min_net: least } = values;
  if (venue !== undefined && row.buy_venue !== venue && row.sell_venue !== venue) return false;
  if (direction !== undefined && row.direction !== direction) return false;
  return least === undefined || !isDecimal(least) || compare(row.peak_net_usd, least) >= 0;
}

function OpenNow({ rows, address }: { rows: readonly Opportunity[] | undefined; address: AddressDoor }): ReactNode {
  const { link } = useLink();
  const [held, setHeld] = useState<readonly Opportunity[] | null>(null);
  const { values, set } = address;
  // a filter alone would name the list of closed ones
  const own = useMemo<AddressDoor>(() => ({ values, set: (change) => set({ view: "live", ...change }) }), [values, set]);
  const [told, setTold] = useState<RuleRoute | null>(null);
  const columns = useMemo(() => openColumns(own.set, setTold), [own]);
  const open = (rows ?? []).filter((row) => fits(row, values)).sort((a, b) => compare(b.peak_net_usd, a.peak_net_usd));
  const shown = held ?? open;
  const fresh = held === null ? 0 : open.filter((row) => !held.some((old) => old.id === row.id)).length;
  return (
    <Panel
      title={`Open now: ${shown.length}`}
      note="the best one first and pinned; a click on the route opens what is known of it"
      actions={
        <Button variant="default" data-key="pause" onClick={() => setHeld(held === null ? open : null)}>
          {held === null ? "Hold still" : `Go on (${fresh} new)`}
        </Button>
      }
    >
      <div className="filters">
        <Choice address={own} name="venue" label="Venue" isFirst options={options(VENUES, venueName)} />
        <Choice address={own} name="direction" label="Direction" options={options(DIRECTIONS, plain)} />
        <TextFilter address={own} name="min_net" label="Net at least, $" isNumber />
        <Reset address={own} names={["venue", "direction", "min_net"]} />
      </div>
      <div className={link === "live" ? undefined : "stale"}>
        {rows === undefined ? <Loading rows={3} /> : shown.length === 0 ? (
          <Empty title="No opportunity is open right now.">They live for moments. The newest closed ones are below; what was refused, and why, is under Refused.</Empty>
        ) : (
          <Table caption="Open opportunities" columns={columns} rows={shown} keyOf={(row) => row.id} pinned={shown[0]?.id ?? null} picked={values["id"] ?? null} />
        )}
      </div>
      {told === null ? null : <RuleForm of={told} onClose={() => setTold(null)} />}
    </Panel>
  );
}

function JustClosed({ rows, address }: { rows: readonly Opportunity[] | undefined; address: AddressDoor }): ReactNode {
  const { values, set } = address;
  const columns = useMemo(() => closedColumns(set).filter((column) => BRIEF.has(column.id)), [set]);
  const asked = useGet<OpportunityPage>("/opportunities", { limit: NEWEST, state: "closed" }, { enabled: rows === undefined });
  const shown = [...(rows ?? asked.data?.items ?? [])].sort((a, b) => (b.closed_ns ?? "").localeCompare(a.closed_ns ?? "")).slice(0, NEWEST);
  return (
    <Panel title="Just closed" note="a click on the time opens costs, samples and trades">
      {rows === undefined && asked.data === undefined ? <Loading rows={6} /> : shown.length === 0 ? <Empty title="Nothing has closed yet." /> : (
        <Table caption="Opportunities that closed last" columns={columns} rows={shown} keyOf={(row) => row.id} picked={values["id"] ?? null} />
      )}
    </Panel>
  );
}

const BOOK_COLUMNS: readonly Column<BookTop>[] = [
  { id: "key", head: "Book", cell: (book) => <span className="strong">{venueName(book.venue)} {book.symbol}</span> },
  { id: "state", head: "State", cell: (book) => <State state={book.state} /> },
  { id: "bid", head: "Best bid", num: true, cell: (book) => price(book.best_bid) },
  { id: "ask", head: "Best ask", num: true, cell: (book) => price(book.best_ask) },
  { id: "spread", head: "Spread, bps", num: true, cell: (book) => price(book.spread_bps, 2) },
  { id: "age", head: "Age", num: true, cell: (book) => <Ms value={book.age_ms} oldFrom={10_000} /> },
];

const POOL_COLUMNS: readonly Column<PoolTop>[] = [
  { id: "key", head: "Pool", cell: (pool) => <span className="strong">{venueName(pool.venue)} {pool.base}/{pool.quote}</span> },
  { id: "state", head: "State", cell: (pool) => <State state={pool.state} /> },
  { id: "price", head: "Price before fee", num: true, cell: (pool) => price(pool.price) },
  { id: "slot", head: "Slot", num: true, cell: (pool) => pool.slot ?? NOTHING },
  { id: "age", head: "Age", num: true, cell: (pool) => <Ms value={pool.age_ms} oldFrom={10_000} /> },
];

function price(value: string | null, most = 4): ReactNode {
  return value === null ? NOTHING : trimmed(value, most);
}

function Prices(): ReactNode {
  const live = useLive<{ items: BookTop[] }>("books");
  const asked = useGet<BookTopPage>("/books", {}, { enabled: live === undefined, everyMs: 6_000 });
  const pools = useGet<PoolTopPage>("/pools", {}, { everyMs: 6_000, keep: true });
  const books = (live ?? asked.data)?.items.filter((book) => "best_bid" in book);
  return (
    <div className="cells">
      <Panel className="w6" title="Order books now">
        {books === undefined ? <Loading /> : <Table caption="Tops of the order books" columns={BOOK_COLUMNS} rows={books} keyOf={(book) => book.id} />}
      </Panel>
      <Panel className="w6" title="Pools now">
        {pools.data === undefined ? <Loading /> : <Table caption="Pools" columns={POOL_COLUMNS} rows={pools.data.items} keyOf={(pool) => pool.id} />}
      </Panel>
    </div>
  );
}
