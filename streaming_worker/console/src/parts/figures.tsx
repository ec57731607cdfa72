// Headline numbers, bars and heat maps.
import type { ReactNode } from "react";
import { Link } from "react-router";

import { Sparkline } from "./Chart";
import { heatStyle } from "./heatStyle";

interface KpiProps {
  name: string;
  title?: string;
  value: ReactNode;
  /** Where the rows behind the number are. */
  to?: string;
  under?: ReactNode;
  trend?: readonly (number | null)[];
  /** What the steps of the trend are. */
  course?: string;
}

export function Kpi({ name, title, value, to, under, trend, course = "by hour" }: KpiProps): ReactNode {
  return (
    <div className="kpi" title={title}>
      <span className="name">{name}</span>
      <span className="value">{to === undefined ? value : <Link to={to} title="the rows behind it">{value}</Link>}</span>
      <span className="under">{under}</span>
      {trend === undefined ? null : <Sparkline values={trend} label={`${name}, ${course}`} />}
    </div>
  );
}

export interface Bar {
  key: string;
  label: string;
  /** For the length only. */
  size: number;
  text: ReactNode;
  href?: string;
  tone?: "warn" | "bad" | "info";
  title?: string;
}

export function Bars({ bars, label }: { bars: readonly Bar[]; label: string }): ReactNode {
  const longest = Math.max(...bars.map((bar) => Math.abs(bar.size)), 0) || 1;
  return (
    <ul className="bars" aria-label={label}>
      {bars.map((bar) => (
        <li key={bar.key} title={bar.title}>
          {bar.href === undefined ? <span>{bar.label}</span> : <Link to={bar.href}>{bar.label}</Link>}
          <span className="bar-track" aria-hidden="true">
            <span className={`bar-fill ${bar.tone ?? ""}`} style={{ width: `${(Math.abs(bar.size) / longest) * 100}%` }} />
          </span>
          <span className="right">{bar.text}</span>
        </li>
      ))}
    </ul>
  );
}

export interface Heat {
  /** Drawn strength, -1 to 1. */
  strength: number;
  text: string;
  under?: string;
  title: string;
  href: string;
}

interface HeatProps {
  caption: string;
  corner: string;
  columns: readonly string[];
  rows: readonly { name: string; cells: readonly (Heat | null)[] }[];
}

/** A table with heads, so that it reads without colours. */
export function HeatTable({ caption, corner, columns, rows }: HeatProps): ReactNode {
  return (
    <div className="table-box" tabIndex={0} role="region" aria-label={caption}>
      <table className="heat">
        <caption className="unseen">{caption}</caption>
        <thead>
          <tr><th scope="col">{corner}</th>{columns.map((column) => <th scope="col" key={column}>{column}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">{row.name}</th>
              {row.cells.map((cell, index) => <HeatCell key={columns[index] ?? index} cell={cell} />)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function HeatCell({ cell }: { cell: Heat | null }): ReactNode {
  if (cell === null) return <td className="none"><span className="unseen">none</span></td>;
  return (
    <td style={heatStyle(cell.strength)}>
      <Link to={cell.href} title={cell.title}>
        {cell.text}
        {cell.under === undefined ? null : <span className="small">{cell.under}</span>}
      </Link>
    </td>
  );
}
