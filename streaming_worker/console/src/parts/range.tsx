// A half-open time range [from, to), chosen by name or by clock; the zone of the clock stands beside it.
import { NativeSelect, TextInput } from "@mantine/core";
import type { ReactNode } from "react";

import { fromWall, toWall, utcDay, zoneName } from "../format/time";
import { usePreferences } from "../shell/preferences";
import type { AddressDoor } from "./address";
import { KeepRange, useSavedRange } from "./savedRanges";

export interface Range {
  from: string | undefined;
  to: string | undefined;
}

const HOUR_MS = 3_600_000;
const SAVED = "saved:";

const PRESETS: Readonly<Record<string, { label: string; range: (now: number) => Range }>> = {
  hour: { label: "last hour", range: (now) => ({ from: new Date(now - HOUR_MS).toISOString(), to: undefined }) },
  today: { label: "today (UTC)", range: (now) => ({ from: utcDay(now), to: undefined }) },
  yesterday: { label: "yesterday (UTC)", range: (now) => ({ from: utcDay(now, 1), to: utcDay(now) }) },
  day: { label: "last 24 hours", range: (now) => ({ from: new Date(now - 24 * HOUR_MS).toISOString(), to: undefined }) },
  week: { label: "last 7 days (UTC)", range: (now) => ({ from: utcDay(now, 6), to: undefined }) },
  month: { label: "last 30 days (UTC)", range: (now) => ({ from: utcDay(now, 29), to: undefined }) },
  all: { label: "last 399 days (UTC)", range: (now) => ({ from: utcDay(now, 398), to: undefined }) },
};

// a moving start would make every request a new one: it moves with the minute
function minute(): number {
  return Math.floor(Date.now() / 60_000) * 60_000;
}

export function rangeOf(values: Readonly<Record<string, string>>, preset: string, prefix = ""): Range {
  const name = values[`${prefix}range`] ?? preset;
  if (name === "custom") return { from: values[`${prefix}from`], to: values[`${prefix}to`] };
  return (PRESETS[name] ?? PRESETS["day"] ?? { range: () => ({ from: undefined, to: undefined }) }).range(minute());
}

interface Props {
  address: AddressDoor;
  preset: string;
  prefix?: string;
  label?: string;
}

export function RangeField({ address, preset, prefix = "", label = "Time range" }: Props): ReactNode {
  const { zone, ranges } = usePreferences();
  const { values, set } = address;
  const name = values[`${prefix}range`] ?? preset;
  const current = rangeOf(values, preset, prefix);
  const saved = useSavedRange(current.from, current.to);
  const shown = name === "custom" && saved !== undefined ? SAVED + saved.name : name;
  const choose = (chosen: string): void => {
    const kept = ranges.find((range) => SAVED + range.name === chosen);
    if (kept !== undefined) {
      set({ [`${prefix}range`]: "custom", [`${prefix}from`]: kept.from, [`${prefix}to`]: kept.to });
      return;
    }
    const from = current.from ?? utcDay(Date.now());
    set(chosen === "custom"
      ? { [`${prefix}range`]: chosen, [`${prefix}from`]: from, [`${prefix}to`]: current.to ?? null }
      : { [`${prefix}range`]: chosen, [`${prefix}from`]: null, [`${prefix}to`]: null });
  };
  const bound = (side: "from" | "to"): ReactNode => {
    const at = values[prefix + side];
    return (
      <TextInput
        className="field wide"
        type="datetime-local"
        label={`${side === "from" ? "From" : "Until before"} (${zoneName(zone)})`}
        value={at === undefined ? "" : toWall(at, zone)}
        onChange={(event) => set({ [prefix + side]: fromWall(event.currentTarget.value, zone) })}
      />
    );
  };
  return (
    <>
      <NativeSelect
        className="field"
        label={label}
        value={shown}
        onChange={(event) => choose(event.currentTarget.value)}
        data={[
          ...Object.entries(PRESETS).map(([value, { label: text }]) => ({ value, label: text })),
          { value: "custom", label: "custom\u2026" },
          ...(ranges.length === 0 ? [] : [{ group: "saved", items: ranges.map((range) => ({ value: SAVED + range.name, label: range.name })) }]),
        ]}
      />
      {name === "custom" ? <>{bound("from")}{bound("to")}{current.from === undefined ? null : <KeepRange from={current.from} to={current.to} />}</> : null}
    </>
  );
}
