// Where each bar of a waterfall begins and ends; floats, for drawing only.
import type { Stack } from "../api/types";
import { type Decimal, drawn } from "../format/decimal";

export interface Step {
  name: string;
  value: Decimal;
  isTotal: boolean;
  /** Shares of the lane, 0 to 1. */
  left: number;
  width: number;
  sign: -1 | 1;
}

export function steps(stack: Stack): Step[] {
  const items = [
    { name: "gross_edge", value: stack.gross_usd, isTotal: true },
    ...stack.costs.map((cost) => ({ name: cost.kind as string, value: cost.value_usd, isTotal: false })),
    { name: "net_profit", value: stack.net_usd, isTotal: true },
  ];
  let level = 0;
  const spans = items.map((item) => {
    const value = drawn(item.value) ?? 0;
    const from = item.isTotal ? 0 : level;
    level = item.isTotal ? value : level + value;
    return { ...item, low: Math.min(from, level), high: Math.max(from, level), sign: value < 0 ? (-1 as const) : (1 as const) };
  });
  const low = Math.min(0, ...spans.map((span) => span.low));
  const spread = Math.max(0, ...spans.map((span) => span.high)) - low || 1;
  return spans.map(({ low: from, high, ...rest }) => ({ ...rest, left: (from - low) / spread, width: (high - from) / spread }));
}
