import { describe, expect, it } from "vitest";

import { age, brief, clock, fromWall, labelAt, stamp, toWall, utcDay } from "./time";

describe("clock times name their zone", () => {
  it("follows summer time of New York", () => {
    expect(clock("2026-01-15T17:00:00Z", "et")).toBe("12:00:00 EST");
    expect(clock("2026-07-15T16:00:00Z", "et")).toBe("12:00:00 EDT");
    expect(labelAt("2026-03-08T06:59:59Z", "et")).toBe("EST");
    expect(labelAt("2026-03-08T07:00:00Z", "et")).toBe("EDT");
  });
  it("leaves the year out in the year that it is, by the zone's own calendar", () => {
    const now = new Date("2026-11-23T00:00:00Z");
    expect(brief("2026-11-02T23:10:44Z", "utc", now)).toBe("2 Nov 23:10:44 UTC");
    expect(brief("2026-01-01T00:00:00Z", "et", now)).toBe("2025-12-31 19:00:00 EST");
  });
  it("writes UTC as UTC", () => {
    expect(stamp("2026-01-15T00:00:00Z", "utc")).toBe("2026-01-15 00:00:00 UTC");
  });
});

describe("form fields", () => {
  it("mean the zone that is shown beside them", () => {
    expect(fromWall("2026-07-15T12:00", "et")).toBe("2026-07-15T16:00:00.000Z");
    expect(fromWall("2026-07-15T12:00", "utc")).toBe("2026-07-15T12:00:00.000Z");
    expect(toWall("2026-01-15T17:30:00Z", "et")).toBe("2026-01-15T12:30");
  });
  it("survive the hour that does not exist", () => {
    const at = fromWall("2026-03-08T02:30", "et");
    expect(at === "2026-03-08T06:30:00.000Z" || at === "2026-03-08T07:30:00.000Z").toBe(true);
  });
  it("refuse what is no date", () => {
    expect(fromWall("soon", "utc")).toBeNull();
  });
});

it("ages grow through their units", () => {
  expect([12, 2_400, 45_000, 600_000, 10_800_000, 400_000_000].map(age)).toEqual([
    "12 ms", "2.4 s", "45 s", "10 min", "3 h", "5 d",
  ]);
});

it("a UTC day begins at midnight UTC", () => {
  expect(utcDay(Date.parse("2026-03-01T00:00:00Z"), 1)).toBe("2026-02-28T00:00:00.000Z");
});
