import { describe, expect, it } from "vitest";

import { contrast, over, rgb, textOn } from "./contrast";

describe("contrast", () => {
  it("is 21 between black and white and 1 of a colour with itself", () => {
    expect(contrast([0, 0, 0], [255, 255, 255])).toBeCloseTo(21);
    expect(contrast([20, 26, 21], [20, 26, 21])).toBe(1);
  });

  it("reads hex and channels", () => {
    expect(rgb(" #b6f23c")).toEqual([182, 242, 60]);
    expect(rgb("#fff")).toEqual([255, 255, 255]);
    expect(rgb("182 242 60")).toEqual([182, 242, 60]);
    expect(rgb("")).toEqual([0, 0, 0]);
  });

  it("keeps text readable at every strength on every ground", () => {
    for (const panel of [rgb("#141a15"), rgb("#000000"), rgb("#ffffff")]) {
      for (const heat of [rgb("182 242 60"), rgb("255 122 178"), rgb("139 190 20"), rgb("230 110 165")]) {
        for (let alpha = 0.12; alpha <= 1; alpha += 0.01) {
          const ground = over(heat, alpha, panel);
          expect(contrast(ground, rgb(textOn(ground)))).toBeGreaterThan(4.5);
        }
      }
    }
  });
});
