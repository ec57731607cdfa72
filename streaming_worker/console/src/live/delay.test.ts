import { expect, it } from "vitest";

import { Delays, offsetOf } from "./delay";

it("tells the middle and the slow end of the newest delays", () => {
  const delays = new Delays();
  expect(delays.read()).toBeNull();
  for (let ms = 1; ms <= 700; ms += 1) delays.add(ms);
  expect(delays.read()).toEqual({ p50: 400, p95: 670, count: 600 });
});

it("takes what would be before its arrival for none", () => {
  const delays = new Delays();
  delays.add(-3);
  delays.add(Number.NaN);
  expect(delays.read()).toEqual({ p50: 0, p95: 0, count: 1 });
});

it("sets the clocks by the quickest exchange", () => {
  expect(offsetOf([])).toBeNull();
  expect(offsetOf([{ asked: 0, answered: 400, server: 900 }, { asked: 1_000, answered: 1_020, server: 1_510 }])).toBe(500);
});
