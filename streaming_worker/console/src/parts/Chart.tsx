// Lines over time or over a number, with the same figures as a table for who does not see lines.
import "uplot/dist/uPlot.min.css";

import { type ReactNode, useEffect, useRef } from "react";
import uPlot from "uplot";

import { clock } from "../format/time";
import { usePreferences } from "../shell/preferences";

export interface Line {
  label: string;
  /** A name of theme/tokens.css, without the dashes. */
  colour: string;
  values: readonly (number | null)[];
  fill?: boolean;
  steps?: boolean;
  points?: boolean;
  dash?: boolean;
}

interface Props {
  title: string;
  /** Seconds since 1970 where `overTime`, else any rising numbers. */
  x: readonly number[];
  lines: readonly Line[];
  overTime?: boolean;
  height?: number;
  unit: (value: number) => string;
  xUnit?: (value: number) => string;
}

function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function seriesOf(line: Line): uPlot.Series {
  const stroke = colourOf(line.colour);
  return {
    label: line.label,
    stroke,
    width: 2,
    points: { show: line.points === true, size: 6, fill: stroke },
    ...(line.fill === true ? { fill: `${stroke}22` } : {}),
    ...(line.dash === true ? { dash: [6, 4] } : {}),
    ...(line.steps === true && uPlot.paths.stepped !== undefined ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
  };
}

function axis(values: (value: number) => string, size: number, space: number): uPlot.Axis {
  return {
    stroke: colourOf("muted"),
    grid: { stroke: colourOf("line"), width: 1 },
    ticks: { stroke: colourOf("line"), width: 1 },
    font: "11px system-ui, sans-serif",
    size,
    space,
    values: (_, splits) => splits.map(values),
  };
}

export function Chart({ title, x, lines, overTime = false, height = 210, unit, xUnit }: Props): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const { zone, theme } = usePreferences();
  const shape = JSON.stringify([lines.map((line) => ({ ...line, values: [] })), zone, theme, overTime, height]);
  const data = [x, ...lines.map((line) => line.values)] as uPlot.AlignedData;
  const latest = useRef({ data, lines, unit, xUnit });
  useEffect(() => {
    latest.current = { data, lines, unit, xUnit };
  });
  const labelOf = (value: number): string => (xUnit ?? String)(value);

  useEffect(() => {
    const host = box.current;
    if (host === null) return undefined;
    const xText = (value: number): string =>
      overTime ? clock(new Date(value * 1_000), zone).slice(0, 5) : (latest.current.xUnit ?? String)(value);
    const made = new uPlot(
      {
        width: Math.max(host.clientWidth, 120),
        height,
        series: [{}, ...latest.current.lines.map(seriesOf)],
        scales: { x: { time: overTime } },
        axes: [axis(xText, 28, 64), axis((value) => latest.current.unit(value), 62, 30)],
        cursor: { points: { size: 7 }, drag: { x: false, y: false } },
        legend: { show: false },
      },
      latest.current.data,
      host,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => {
      const width = host.clientWidth;
      if (width > 0 && width !== made.width) made.setSize({ width, height });
    });
    observer.observe(host);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, overTime, zone, height]);

  useEffect(() => plot.current?.setData(data));

  return (
    <figure className="stack tight">
      <ul className="legend" aria-hidden="true">
        {lines.map((line) => (
          <li key={line.label}><Swatch colour={line.colour} />{line.label}</li>
        ))}
      </ul>
      <div className="chart" ref={box} aria-hidden="true" />
      <div className="unseen"><table>
        <caption>{title}</caption>
        <thead>
          <tr><th scope="col">{overTime ? "time" : "at"}</th>{lines.map((line) => <th scope="col" key={line.label}>{line.label}</th>)}</tr>
        </thead>
        <tbody>
          {thinned(x).map((at) => (
            <tr key={at}>
              <th scope="row">{overTime ? clock(new Date((x[at] ?? 0) * 1_000), zone) : labelOf(x[at] ?? 0)}</th>
              {lines.map((line) => <td key={line.label}>{shown(line.values[at], unit)}</td>)}
            </tr>
          ))}
        </tbody>
      </table></div>
    </figure>
  );
}

function shown(value: number | null | undefined, unit: (value: number) => string): string {
  return value === null || value === undefined ? "not known" : unit(value);
}

// a hundred rows say what a thousand would
function thinned(x: readonly number[]): number[] {
  const step = Math.max(1, Math.ceil(x.length / 100));
  return x.map((_, index) => index).filter((index) => index % step === 0 || index === x.length - 1);
}

export function Swatch({ colour }: { colour: string }): ReactNode {
  return <span className="swatch" style={{ background: `var(--${colour})` }} />;
}

/** A small line without axes, for a headline number. */
export function Sparkline({ values, label }: { values: readonly (number | null)[]; label: string }): ReactNode {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return null;
  const low = Math.min(...known);
  const spread = Math.max(...known) - low || 1;
  const step = 100 / (values.length - 1);
  const points = values.flatMap((value, index) =>
    value === null ? [] : [`${(index * step).toFixed(2)},${(26 - ((value - low) / spread) * 24).toFixed(2)}`]);
  return (
    <svg viewBox="0 0 100 28" preserveAspectRatio="none" role="img" aria-label={label}>
      <polyline points={points.join(" ")} fill="none" stroke="var(--accent)" strokeWidth="1.5" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
