// What stands above tables: exports of exactly the filter, column choice, order and pages.
import { Button, Checkbox, Menu, Popover } from "@mantine/core";
import type { ReactNode } from "react";

import { BASE, queryText } from "../api/client";
import type { QueryValues } from "../api/queries";
import { decimal } from "../format/decimal";
import { usePreferences } from "../shell/preferences";
import type { Column } from "./Table";

const FORMATS = [["csv", "CSV"], ["jsonl", "JSON lines"], ["xlsx", "Excel"]] as const;

export function ExportMenu({ name, query }: { name: string; query: QueryValues }): ReactNode {
  return (
    <Menu position="bottom-end">
      <Menu.Target><Button variant="default" data-key="export">Export</Button></Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>The whole filter, not only this page</Menu.Label>
        {FORMATS.map(([format, label]) => (
          <Menu.Item key={format} component="a" href={`${BASE}/exports/${name}.${format}${queryText(query)}`} download>{label}</Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

export function useHidden(table: string): ReadonlySet<string> {
  return new Set(usePreferences().hidden[table] ?? []);
}

export function ColumnMenu<T>({ table, columns }: { table: string; columns: readonly Column<T>[] }): ReactNode {
  const { hidden, change } = usePreferences();
  const gone = new Set(hidden[table] ?? []);
  const toggle = (id: string): void => {
    const next = gone.has(id) ? [...gone].filter((other) => other !== id) : [...gone, id];
    if (next.length < columns.length) change({ hidden: { ...hidden, [table]: next } });
  };
  return (
    <Popover position="bottom-end" withinPortal trapFocus>
      <Popover.Target><Button variant="default">Columns</Button></Popover.Target>
      <Popover.Dropdown>
        <div className="stack tight">
          {columns.map((column) => (
            <Checkbox key={column.id} size="xs" label={column.head} checked={!gone.has(column.id)} onChange={() => toggle(column.id)} />
          ))}
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

interface PagerProps {
  shown: number;
  total: number | null;
  what: string;
  hasMore: boolean;
  isBusy: boolean;
  onMore: () => void;
}

export function Pager({ shown, total, what, hasMore, isBusy, onMore }: PagerProps): ReactNode {
  return (
    <div className="row between">
      <span className="muted small" role="status">
        {decimal(String(shown), 0)}{total === null ? "" : ` of ${decimal(String(total), 0)}`} {what}
      </span>
      {hasMore ? <Button variant="default" loading={isBusy} onClick={onMore}>Show more</Button> : null}
    </div>
  );
}
