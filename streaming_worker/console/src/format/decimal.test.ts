import { afterEach, describe, expect, it } from "vitest";

import { bps, compare, decimal, difference, dollars, isDecimal, signOf, sum, trimmed, usd, writeNumbers } from "./decimal";

describe("money", () => {
  it("keeps digits that a float would lose", () => {
    expect(decimal("12345678901234567.89", 2)).toBe("12,345,678,901,234,567.89");
  });
  it("takes one from another exactly, whatever their digits", () => {
    expect(difference("1234.5", "0.00000001")).toBe("1234.49999999");
    expect(difference("-2", "12345678901234567.5")).toBe("-12345678901234569.5");
    expect(difference("0.10", "0.1")).toBe("0.00");
  });
  it("rounds down, so that a loss never looks smaller", () => {
    expect(usd("1.999")).toBe("+$1.99");
    expect(usd("-1.001")).toBe("\u2212$1.01");
  });
  it("shows no sign for nothing, and one for everything else", () => {
    expect(usd("0.000")).toBe("$0.00");
    expect(usd("-0.0001")).toBe("\u2212$0.01");
    expect(dollars("1000")).toBe("$1,000.00");
  });
  it("knows the sign of what rounds to zero", () => {
    expect(signOf("-0.00001")).toBe(-1);
    expect(signOf("0.0")).toBe(0);
    expect(signOf("3E-8")).toBe(1);
  });
});

describe("numbers", () => {
  it("reads exponents exactly", () => {
    expect(trimmed("1.5E-7", 8)).toBe("0.00000015");
    expect(trimmed("12E3", 2)).toBe("12,000");
  });
  it("trims zeros of a fraction only", () => {
    expect(trimmed("100", 4)).toBe("100");
    expect(trimmed("2.5000", 4)).toBe("2.5");
  });
  it("compares and sums across scales", () => {
    expect(compare("0.1", "0.10")).toBe(0);
    expect(compare("-2", "1.5")).toBe(-1);
    expect(sum(["0.1", "0.25", "-1"])).toBe("-0.65");
    expect(sum([])).toBe("0");
  });
  it("writes basis points with a sign", () => {
    expect(bps("12.34")).toBe("+12.3");
    expect(bps("-0.04")).toBe("\u22120.1");
  });
  it("refuses what is no number", () => {
    expect(isDecimal("1e5x")).toBe(false);
    expect(() => decimal("NaN", 2)).toThrow(RangeError);
  });
});

describe("the reader's way of writing numbers", () => {
  afterEach(() => writeNumbers("point"));
  it("changes what is shown", () => {
    writeNumbers("comma");
    expect(usd("-1234567.891")).toBe("\u2212$1.234.567,90");
    expect(trimmed("1200.500", 4)).toBe("1.200,5");
    writeNumbers("space");
    expect(decimal("1234.5", 1)).toBe("1\u202f234,5");
    expect(trimmed("100", 4)).toBe("100");
  });
  it("changes nothing that is reckoned with", () => {
    writeNumbers("comma");
    expect(sum(["1000.5", "0.25"])).toBe("1000.75");
    expect(difference("1", "2000.5")).toBe("-1999.5");
  });
});
