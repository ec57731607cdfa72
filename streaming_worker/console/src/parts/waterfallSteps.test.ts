import { expect, it } from "vitest";

import type { Stack } from "../api/types";
import { steps } from "./waterfallSteps";

const stack = (gross: string, costs: [string, string][], net: string): Stack =>
  ({ gross_usd: gross, costs: costs.map(([kind, value_usd]) => ({ kind, value_usd })), net_usd: net }) as Stack;

it("each cost begins where the one before it ended", () => {
  const [gross, fee, slippage, net] = steps(stack("10", [["taker_fee", "-4"], ["slippage", "-1"]], "5"));
  expect([gross?.left, gross?.width]).toEqual([0, 1]);
  expect([fee?.left, fee?.width, fee?.sign]).toEqual([0.6, 0.4, -1]);
  expect([slippage?.left, slippage?.width]).toEqual([0.5, 0.1]);
  expect([net?.left, net?.width, net?.sign]).toEqual([0, 0.5, 1]);
});

it("a loss reaches below the line that gains start from", () => {
  const made = steps(stack("1", [["taker_fee", "-4"]], "-3"));
  expect(made.at(-1)).toMatchObject({ left: 0, width: 0.75, sign: -1 });
  expect(made[0]).toMatchObject({ left: 0.75, width: 0.25 });
});

it("nothing at all is no division by zero", () => {
  expect(steps(stack("0", [], "0")).map((step) => step.width)).toEqual([0, 0]);
});
