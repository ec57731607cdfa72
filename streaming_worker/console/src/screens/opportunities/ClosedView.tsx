import { type ReactNode, useMemo } from "react";

import { usePages } from "../../api/pages";
import type { Opportunity } from "../../api/types";
import { plain, venueName } from "../../format/words";
import type { AddressDoor } from "../../parts/address";
import { Choice, options, PairFilter, Reset, TextFilter } from "../../parts/Filters";
import { RangeField, rangeOf } from "../../parts/range";
import { Empty, Failed, Loading, Panel } from "../../parts/states";
import { Table } from "../../parts/Table";
import { ColumnMenu, ExportMenu, Pager, useHidden } from "../../parts/tools";
import { closedColumns } from "./columns";

export const VENUES = ["coinbase", "gemini", "bitstamp", "orca", "raydium"];
export const DIRECTIONS = ["buy_cex_sell_pool", "buy_pool_sell_cex"];
const CLOSES = ["edge_gone", "leg_lost", "stale_leg", "risk"];
const FILTERS = ["venue", "direction", "grade", "close_reason", "min_net", "pair", "instrument", "pool"];

export function ClosedView({ address }: { address: AddressDoor }): ReactNode {
  const { values, set } = address;
  const sort = values["sort"] ?? "-opened_at";
  const filter = {
    ...rangeOf(values, "day"),
    venue: values["venue"], direction: values["direction"], grade: values["grade"], close_reason: values["close_reason"],
    min_net: values["min_net"], pair: values["pair"], instrument: values["instrument"], pool: values["pool"], state: "closed",
  };
  const pages = usePages<Opportunity>("/opportunities", { ...filter, sort });
  const columns = useMemo(() => closedColumns(set), [set]);
  const hidden = useHidden("opportunities");
  return (
    <Panel
      title="Closed opportunities"
      actions={<div className="row"><ColumnMenu table="opportunities" columns={columns} /><ExportMenu name="opportunities" query={{ ...filter, sort }} /></div>}
    >
      <div className="filters">
        <RangeField address={address} preset="day" />
        <Choice address={address} name="venue" label="Venue" isFirst options={options(VENUES, venueName)} />
        <PairFilter address={address} />
        <Choice address={address} name="direction" label="Direction" options={options(DIRECTIONS, plain)} />
        <Choice address={address} name="grade" label="Grade" options={options(["A", "B", "C", "D", "E", "F"])} />
        <Choice address={address} name="close_reason" label="Closed by" options={options(CLOSES, plain)} />
        <TextFilter address={address} name="min_net" label="Net at least, $" isNumber />
        <TextFilter address={address} name="instrument" label="Market" placeholder="coinbase:SOL-USD" isWide />
        <Reset address={address} names={FILTERS} />
      </div>
      {pages.error !== null ? <Failed error={pages.error} retry={pages.again} /> : pages.isLoading ? <Loading rows={10} /> : pages.items.length === 0 ? (
        <Empty title="No opportunity fits.">Widen the time range or clear a filter; what was refused is under Refused.</Empty>
      ) : (
        <>
          <Table
            caption="Closed opportunities" columns={columns} rows={pages.items} keyOf={(row) => row.id} hidden={hidden}
            sort={sort} onSort={(next) => set({ sort: next })} picked={values["id"] ?? null}
          />
          <Pager shown={pages.items.length} total={pages.total} what="opportunities" hasMore={pages.hasMore} isBusy={pages.isBusy} onMore={pages.more} />
        </>
      )}
    </Panel>
  );
}
