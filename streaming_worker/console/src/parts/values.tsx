// Single values as people read them: money with sign and currency, ages that go on ageing, states with a shape.
import { type ReactNode, useCallback, useSyncExternalStore } from "react";

import { bps, type Decimal, decimal, signOf, usd } from "../format/decimal";
import { age, brief, clock, stamp } from "../format/time";
import { usePreferences } from "../shell/preferences";

export const NOTHING = <span className="muted" title="not known">{"\u2013"}</span>;

type Maybe = Decimal | null | undefined;

function tone(text: Decimal): string {
  const sign = signOf(text);
  return sign < 0 ? "loss" : sign > 0 ? "gain" : "muted";
}

/** Profit or loss: sign, arrow and colour say the same thing. */
export function Usd({ value, places = 2, arrow = false }: { value: Maybe; places?: number; arrow?: boolean }): ReactNode {
  if (value === null || value === undefined) return NOTHING;
  const sign = signOf(value);
  const mark = sign < 0 ? "\u25bc " : sign > 0 ? "\u25b2 " : "";
  return (
    <span className={`${tone(value)} nowrap`} title={`${value} USD`}>
      {arrow ? <span aria-hidden="true">{mark}</span> : null}
      {usd(value, places)}
    </span>
  );
}

export function Bps({ value, places = 1 }: { value: Maybe; places?: number }): ReactNode {
  if (value === null || value === undefined) return NOTHING;
  return <span className={`${tone(value)} nowrap`} title={`${value} basis points`}>{bps(value, places)}</span>;
}

export function Num({ value, places = 0 }: { value: Maybe | number; places?: number }): ReactNode {
  if (value === null || value === undefined) return NOTHING;
  return <>{decimal(String(value), places)}</>;
}

/** A share between 0 and 1, as per cent. */
export function Share({ value, places = 1 }: { value: Maybe | number; places?: number }): ReactNode {
  if (value === null || value === undefined) return NOTHING;
  return <>{(Number(value) * 100).toFixed(places)} %</>;
}

export function Ms({ value, oldFrom }: { value: number | null | undefined; oldFrom?: number }): ReactNode {
  if (value === null || value === undefined) return NOTHING;
  const old = oldFrom !== undefined && value >= oldFrom;
  return <span className={old ? "stale warn nowrap" : "nowrap"}>{age(value)}</span>;
}

export function At({ at, date = false }: { at: string | null | undefined; date?: boolean }): ReactNode {
  const { zone } = usePreferences();
  if (at === null || at === undefined) return NOTHING;
  return (
    <time className="nowrap" dateTime={at} title={stamp(at, "utc")}>
      {date ? brief(at, zone, new Date()) : clock(at, zone)}
    </time>
  );
}

const tickers = new Set<() => void>();
let tick = Date.now();
let uptime = performance.now();
let timer: ReturnType<typeof setInterval> | null = null;

function watchTime(call: () => void): () => void {
  tickers.add(call);
  timer ??= setInterval(() => {
    tick = Date.now();
    uptime = performance.now();
    tickers.forEach((ticker) => ticker());
  }, 1_000);
  return () => {
    tickers.delete(call);
    if (tickers.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}

/** Now, to the second; whoever uses it is drawn once a second. */
export function useNow(): number {
  const read = useCallback(() => (timer === null ? (tick = Math.max(tick, Date.now() - 999)) : tick), []);
  return useSyncExternalStore(watchTime, read);
}

/** This page's monotonic clock in ms, to the second: what the live link reckons with. */
export function useUptime(): number {
  const read = useCallback(() => (timer === null ? (uptime = Math.max(uptime, performance.now() - 999)) : uptime), []);
  return useSyncExternalStore(watchTime, read);
}

/** How long ago: it grows while nobody says anything new. */
export function Ago({ at, oldFrom }: { at: string | null | undefined; oldFrom?: number }): ReactNode {
  const now = useNow();
  if (at === null || at === undefined) return NOTHING;
  return <Ms value={Math.max(0, now - Date.parse(at))} {...(oldFrom === undefined ? {} : { oldFrom })} />;
}

export type Tone = "good" | "warn" | "bad" | "info" | "plain";

const TONES: Readonly<Record<string, Tone>> = {
  synced: "good", quiet: "good", ok: "good", active: "good", filled: "good", accepted: "good", success: "good", passed: "good", up: "good",
  connecting: "info", open: "info", started: "info", partial: "warn", lagging: "warn", gap: "warn", paused: "warn", degraded: "warn", warning: "warn",
  lost: "bad", dead: "bad", down: "bad", killed: "bad", reverted: "bad", missed: "bad", failed: "bad", failure: "bad", critical: "bad", error: "bad", page: "bad",
};

export function toneOf(state: string): Tone {
  return TONES[state.toLowerCase()] ?? "plain";
}

export function Dot({ state }: { state: string }): ReactNode {
  return <span className={`dot ${toneOf(state)}`} aria-hidden="true" />;
}

export function State({ state }: { state: string | null | undefined }): ReactNode {
  if (state === null || state === undefined) return NOTHING;
  return <span className={`tag ${toneOf(state)}`}>{state.toLowerCase().replaceAll("_", " ")}</span>;
}
