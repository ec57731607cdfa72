import { expect, it } from "vitest";

import { Trail } from "./trail";

it("keeps the newest values, no two nearer than a step", () => {
  const trail = new Trail(1_000, 3);
  for (const [at, value] of [[0, 1], [500, 2], [1_000, 3], [2_000, Number.NaN], [2_500, 4], [4_000, 5]] as const) trail.add(at, value);
  expect(trail.values()).toEqual([3, 4, 5]);
});

it("tells how fast a counter grows", () => {
  const trail = new Trail(1_000);
  expect(trail.perSecond()).toBeNull();
  trail.add(0, 100);
  expect(trail.perSecond()).toBeNull();
  for (let second = 1; second <= 10; second += 1) trail.add(second * 1_000, second < 8 ? 100 : 100 + (second - 7) * 50);
  expect(trail.perSecond()).toBe(30);
  trail.add(11_000, 3);
  expect(trail.perSecond()).toBeNull();
});
