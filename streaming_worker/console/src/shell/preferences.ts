// What a user chose about the look; kept by the server, so that it follows the user and nothing stays in the browser.
import { createContext, useContext } from "react";

import type { ApiPreferences } from "../api/types";
import type { Numbers } from "../format/decimal";
import type { Zone } from "../format/time";

export type Theme = "lime" | "contrast" | "light";
export type Density = "comfortable" | "compact";

export interface SavedRange {
  name: string;
  from: string;
  /** Null goes on until now. */
  to: string | null;
}

export interface Preferences {
  zone: Zone;
  theme: Theme;
  density: Density;
  numbers: Numbers;
  ranges: readonly SavedRange[];
  /** Hidden columns by table. */
  hidden: Readonly<Record<string, readonly string[]>>;
}

export const DEFAULTS: Preferences = { zone: "utc", theme: "lime", density: "comfortable", numbers: "point", ranges: [], hidden: {} };

export interface PreferenceDoor extends Preferences {
  change: (part: Partial<Preferences>) => void;
}

export const PreferenceContext = createContext<PreferenceDoor>({ ...DEFAULTS, change: () => undefined });

export function usePreferences(): PreferenceDoor {
  return useContext(PreferenceContext);
}

const ET = "America/New_York";

export function fromApi(kept: ApiPreferences): Preferences {
  const zone: Zone = kept.timezone === ET ? "et" : kept.timezone === "local" ? "local" : "utc";
  const theme: Theme = kept.theme === "light" || kept.theme === "contrast" ? kept.theme : "lime";
  const ranges = (kept.ranges ?? []).map((range) => ({ name: range.name, from: range.from_at, to: range.to_at }));
  return { zone, theme, density: kept.density ?? "comfortable", numbers: kept.numbers ?? "point", ranges, hidden: kept.columns ?? {} };
}

/** The server writes times to the microsecond, and takes no others. */
function micros(moment: string): string {
  return moment.replace(/\.(\d{3})Z$/, ".$1000Z");
}

export function toApi(chosen: Preferences): ApiPreferences {
  const timezone = chosen.zone === "et" ? ET : chosen.zone === "local" ? "local" : "UTC";
  const columns = Object.fromEntries(Object.entries(chosen.hidden).map(([table, ids]) => [table, [...ids]]));
  const ranges = chosen.ranges.map((range) => ({ name: range.name, from_at: micros(range.from), to_at: range.to === null ? null : micros(range.to) }));
  return { timezone, theme: chosen.theme === "lime" ? "dark" : chosen.theme, density: chosen.density, numbers: chosen.numbers, columns, ranges };
}
