import { expect, it } from "vitest";

import { DEFAULTS, fromApi, toApi } from "./preferences";

it("writes saved ranges as the server takes them, and reads them back", () => {
  const ranges = [{ name: "January", from: "2026-01-01T00:00:00.000Z", to: null }, { name: "day", from: "2026-01-02T00:00:00.000000Z", to: "2026-01-03T00:00:00.500Z" }];
  const sent = toApi({ ...DEFAULTS, ranges });
  expect(sent.ranges).toEqual([
    { name: "January", from_at: "2026-01-01T00:00:00.000000Z", to_at: null },
    { name: "day", from_at: "2026-01-02T00:00:00.000000Z", to_at: "2026-01-03T00:00:00.500000Z" },
  ]);
  expect(fromApi(sent).ranges.map((range) => Date.parse(range.from))).toEqual(ranges.map((range) => Date.parse(range.from)));
});
