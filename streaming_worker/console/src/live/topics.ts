// What the page knows of each topic, and how messages change it. Values in, values out.
import type { Message } from "./stream";

export interface Rows<T> {
  items: readonly T[];
}

interface Keyed {
  id?: string | number;
  key?: string;
  at_ns?: string;
  seq?: number;
}

export interface Delta {
  items?: readonly Keyed[];
  removed?: readonly string[];
}

export const MOST_ROWS = 300;

export function keyOf(row: Keyed): string {
  return String(row.id ?? row.key ?? row.seq ?? row.at_ns ?? JSON.stringify(row));
}

/** A state topic of one object: the newest wins. */
export function newest(before: unknown, message: Message): unknown {
  if (message.kind === "heartbeat") return before;
  return message.kind === "gap" ? undefined : message.data;
}

/** A state topic of rows: changed ones replace, new ones are added, removed ones go; the order stays. */
export function replaced(before: unknown, message: Message): unknown {
  if (message.kind !== "delta") return newest(before, message);
  const delta = message.data as Delta;
  const rows = new Map(((before as Rows<Keyed> | undefined)?.items ?? []).map((row) => [keyOf(row), row]));
  (delta.items ?? []).forEach((row) => rows.set(keyOf(row), row));
  (delta.removed ?? []).forEach((key) => rows.delete(key));
  return { items: [...rows.values()] };
}

/** A topic of happenings, newest first: a known row changes in place, a new one goes on top; the oldest leave. */
export function prepended(before: unknown, message: Message): unknown {
  if (message.kind !== "delta") return newest(before, message);
  const delta = message.data as Delta;
  const old = (before as Rows<Keyed> | undefined)?.items ?? [];
  const changed = new Map((delta.items ?? []).map((row) => [keyOf(row), row]));
  const gone = new Set(delta.removed ?? []);
  const kept = old.flatMap((row) => {
    const key = keyOf(row);
    if (gone.has(key)) return [];
    const now = changed.get(key);
    changed.delete(key);
    return [now ?? row];
  });
  return { items: [...changed.values(), ...kept].slice(0, MOST_ROWS) };
}
