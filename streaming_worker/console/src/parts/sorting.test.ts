import { describe, expect, it } from "vitest";

import { placeOf, sortedBy } from "./sorting";

describe("the order of a table", () => {
  it("is one column, the greatest first, and turns around", () => {
    expect(sortedBy("-opened_at", "net_usd", false)).toBe("-net_usd");
    expect(sortedBy("-net_usd", "net_usd", false)).toBe("net_usd");
    expect(sortedBy("-a,b", "c", false)).toBe("-c");
  });
  it("takes more columns after the first, three at most", () => {
    expect(sortedBy("-a", "b", true)).toBe("-a,-b");
    expect(sortedBy("-a,-b", "b", true)).toBe("-a,b");
    expect(sortedBy("-a,b,c", "d", true)).toBe("-a,b,-d");
    expect(sortedBy(undefined, "a", true)).toBe("-a");
  });
  it("says which place a column has only where there are several", () => {
    expect(placeOf("-a", "a")).toEqual({ order: "descending", position: null });
    expect(placeOf("-a,b", "b")).toEqual({ order: "ascending", position: 2 });
    expect(placeOf("-a", "b")).toBeNull();
  });
});
