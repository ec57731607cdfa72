// What a figure was while this page was open: for figures of which the server sends the newest value only.
import { useEffect } from "react";

interface Point {
  at: number;
  value: number;
}

const EVERY_MS = 2_000;
const KEPT = 60;

/** The newest values of one figure, no two nearer than a step. */
export class Trail {
  private readonly points: Point[] = [];

  constructor(private readonly everyMs = EVERY_MS, private readonly kept = KEPT) {}

  add(at: number, value: number): void {
    const last = this.points.at(-1);
    if (!Number.isFinite(value) || (last !== undefined && at - last.at < this.everyMs)) return;
    this.points.push({ at, value });
    if (this.points.length > this.kept) this.points.shift();
  }

  values(): number[] {
    return this.points.map((point) => point.value);
  }

  /** How fast a counter grew over the last steps; null with fewer than two, or where it began anew in between. */
  perSecond(steps = 5): number | null {
    const newest = this.points.slice(-steps - 1);
    const [first, last] = [newest[0], newest.at(-1)];
    if (first === undefined || last === undefined || last.at === first.at || last.value < first.value) return null;
    return ((last.value - first.value) * 1_000) / (last.at - first.at);
  }
}

const trails = new Map<string, Trail>();

function trailOf(name: string): Trail {
  const found = trails.get(name) ?? new Trail();
  trails.set(name, found);
  return found;
}

/** The course of a figure since the page was opened, screens in between included. */
export function useTrail(name: string, value: number | null): readonly number[] {
  const trail = trailOf(name);
  useEffect(() => {
    if (value !== null) trail.add(Date.now(), value);
  });
  return trail.values();
}

/** How fast each counter grows, by its name. */
export function useRates(counters: readonly (readonly [string, number])[]): ReadonlyMap<string, number | null> {
  useEffect(() => {
    for (const [name, count] of counters) trailOf(name).add(Date.now(), count);
  });
  return new Map(counters.map(([name]) => [name, trailOf(name).perSecond()]));
}
