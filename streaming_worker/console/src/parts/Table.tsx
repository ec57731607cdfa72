// One table for every screen: real rows and heads, sorting by the server, columns that can be hidden.
import { columnVisibilityFeature, createColumnHelper, tableFeatures, useTable } from "@tanstack/react-table";
import { memo, type ReactNode, useMemo } from "react";

import { placeOf, sortedBy } from "./sorting";

export interface Column<T> {
  id: string;
  head: string;
  /** Right-aligned, tabular. */
  num?: boolean;
  wrap?: boolean;
  /** What the head means, for a reader who points at it. */
  title?: string;
  /** The API's name of the order; without it the column cannot be sorted. */
  sort?: string;
  cell: (row: T) => ReactNode;
}

const features = tableFeatures({ columnVisibilityFeature });

interface Props<T> {
  caption: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string;
  hidden?: ReadonlySet<string>;
  sort?: string;
  onSort?: (sort: string) => void;
  picked?: string | null;
  pinned?: string | null;
  short?: boolean;
  foot?: ReactNode;
}

export function Table<T>(props: Props<T>): ReactNode {
  const { columns, rows, hidden } = props;
  const defs = useMemo(() => {
    const helper = createColumnHelper<typeof features, { row: T }>();
    return columns.map((column) => helper.display({ id: column.id, header: column.head }));
  }, [columns]);
  const data = useMemo(() => rows.map((row) => ({ row })), [rows]);
  const columnVisibility = useMemo(() => Object.fromEntries([...(hidden ?? [])].map((id) => [id, false])), [hidden]);
  const table = useTable({ features, columns: defs, data, state: { columnVisibility } });
  const byId = useMemo(() => new Map(columns.map((column) => [column.id, column])), [columns]);
  const shown = table.getVisibleLeafColumns().flatMap((leaf) => byId.get(leaf.id) ?? []);
  const signature = shown.map((column) => column.id).join();
  return (
    <div className={props.short === true ? "table-box short" : "table-box"} tabIndex={0} role="region" aria-label={props.caption}>
      <table className="data">
        <caption className="unseen">{props.caption}</caption>
        <thead>
          <tr>
            {shown.map((column) => (
              <Head key={column.id} column={column} sort={props.sort} onSort={props.onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {table.getRowModel().rows.map(({ original }) => {
            const key = props.keyOf(original.row);
            const mark = key === props.picked ? "picked" : key === props.pinned ? "pinned" : "";
            return <Line key={key} row={original.row} columns={shown as never} signature={signature} mark={mark} />;
          })}
        </tbody>
        {props.foot === undefined ? null : <tfoot>{props.foot}</tfoot>}
      </table>
    </div>
  );
}

interface HeadProps {
  column: Column<never>;
  sort: string | undefined;
  onSort: ((sort: string) => void) | undefined;
}

function Head({ column, sort, onSort }: HeadProps): ReactNode {
  const className = column.num === true ? "num" : undefined;
  const name = column.sort;
  if (name === undefined || onSort === undefined) {
    return <th scope="col" className={className} title={column.title}>{column.head}</th>;
  }
  const place = placeOf(sort, name);
  const arrow = place === null ? "" : place.order === "ascending" ? "\u2191" : "\u2193";
  const title = [column.title, "with Shift: sort by this as well"].filter((text) => text !== undefined).join("; ");
  return (
    <th scope="col" className={className} title={title} aria-sort={place?.order ?? "none"}>
      <button type="button" className="sorter" onClick={(event) => onSort(sortedBy(sort, name, event.shiftKey))}>
        {column.head} <span aria-hidden="true">{arrow}</span>
        {place === null || place.position === null ? null : <sup><span className="unseen">sorted, key </span>{place.position}</sup>}
      </button>
    </th>
  );
}

interface LineProps {
  row: unknown;
  columns: readonly Column<unknown>[];
  signature: string;
  mark: string;
}

// A live table gets ten paints a second; only rows that changed are drawn again.
const Line = memo(
  function Line({ row, columns, mark }: LineProps): ReactNode {
    return (
      <tr className={mark === "" ? undefined : mark}>
        {columns.map((column) => {
          const className = [column.num === true ? "num" : "", column.wrap === true ? "wrap" : ""].join(" ").trim();
          return <td key={column.id} className={className === "" ? undefined : className}>{column.cell(row)}</td>;
        })}
      </tr>
    );
  },
  (before, after) => before.row === after.row && before.signature === after.signature && before.mark === after.mark
    && before.columns[0]?.cell === after.columns[0]?.cell,
);
