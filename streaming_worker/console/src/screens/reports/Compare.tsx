import { NativeSelect } from "@mantine/core";
import type { ReactNode } from "react";

import { useGet } from "../../api/queries";
import type { ReportComparison, ReportPage } from "../../api/types";
import { isDecimal, signOf, trimmed } from "../../format/decimal";
import { plain } from "../../format/words";
import type { AddressDoor } from "../../parts/address";
import { Empty, Loaded } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { NOTHING } from "../../parts/values";

type Figure = ReportComparison["figures"][number];

function shown(value: string | null): ReactNode {
  if (value === null) return NOTHING;
  return isDecimal(value) ? trimmed(value, 4) : value;
}

function difference(value: string | null): ReactNode {
  if (value === null) return NOTHING;
  const sign = signOf(value);
  return `${sign > 0 ? "+" : ""}${trimmed(value, 4)}`;
}

export function Compare({ address }: { address: AddressDoor }): ReactNode {
  const reports = useGet<ReportPage>("/reports", {});
  const dates = (reports.data?.items ?? []).filter((report) => report.kind === "day").map((report) => report.date);
  const second = address.values["second"] ?? dates[0];
  const first = address.values["first"] ?? dates[1];
  const compared = useGet<ReportComparison>("/reports/compare", { first, second }, { enabled: first !== undefined && second !== undefined });
  if (dates.length < 2 || first === undefined || second === undefined) {
    return <Empty title="Two reports are needed.">There {dates.length === 1 ? "is one" : "is none"} so far.</Empty>;
  }
  const columns: readonly Column<Figure>[] = [
    { id: "name", head: "Figure", cell: (figure) => <span className="strong">{plain(figure.name)}</span> },
    { id: "first", head: first, num: true, cell: (figure) => shown(figure.first) },
    { id: "second", head: second, num: true, cell: (figure) => shown(figure.second) },
    { id: "difference", head: "Difference", num: true, cell: (figure) => difference(figure.difference) },
  ];
  return (
    <>
      <div className="filters">
        <NativeSelect className="field" label="First day" data={dates} value={first} onChange={(event) => address.set({ first: event.currentTarget.value })} />
        <NativeSelect className="field" label="Second day" data={dates} value={second} onChange={(event) => address.set({ second: event.currentTarget.value })} />
      </div>
      <Loaded query={compared}>{({ figures }) => <Table caption="Two days side by side" columns={columns} rows={figures} short keyOf={(figure) => figure.name} />}</Loaded>
    </>
  );
}
