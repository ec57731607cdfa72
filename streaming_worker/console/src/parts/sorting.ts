// The order of a table as the API takes it: names by comma, the first one first, a minus turns one around.

export const MOST_KEYS = 3;

interface Key {
  name: string;
  isDescending: boolean;
}

function keysOf(sort: string): readonly Key[] {
  return sort.split(",").filter((text) => text !== "")
    .map((text) => ({ name: text.replace(/^-/, ""), isDescending: text.startsWith("-") }));
}

function textOf(keys: readonly Key[]): string {
  return keys.map((key) => `${key.isDescending ? "-" : ""}${key.name}`).join(",");
}

export interface Place {
  order: "ascending" | "descending";
  /** From 1; null where the table is sorted by one column only. */
  position: number | null;
}

export function placeOf(sort: string | undefined, name: string): Place | null {
  const keys = keysOf(sort ?? "");
  const index = keys.findIndex((key) => key.name === name);
  const key = keys[index];
  if (key === undefined) return null;
  return { order: key.isDescending ? "descending" : "ascending", position: keys.length > 1 ? index + 1 : null };
}

/** Sort by a column, the greatest first; once more turns it around. With `isAdded` the others stay before it. */
export function sortedBy(sort: string | undefined, name: string, isAdded: boolean): string {
  const keys = keysOf(sort ?? "");
  const known = keys.find((key) => key.name === name);
  const next = { name, isDescending: known === undefined ? true : !known.isDescending };
  if (!isAdded) return textOf([next]);
  if (known !== undefined) return textOf(keys.map((key) => (key.name === name ? next : key)));
  return textOf([...keys.slice(0, MOST_KEYS - 1), next]);
}
