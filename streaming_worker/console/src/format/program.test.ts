import { expect, it } from "vitest";

import { programOf } from "./program";

const CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

it("names a browser and its system", () => {
  expect(programOf(CHROME)).toBe("Chrome 141, Linux");
  expect(programOf(`${CHROME} Edg/141.0.1`)).toBe("Edge 141, Linux");
  expect(programOf("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 (KHTML) Version/18.1 Mobile/1 Safari/604.1")).toBe("Safari 18, iOS");
  expect(programOf("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe("Firefox 140, Windows");
});

it("leaves the name of a program as it is, but not longer than a line", () => {
  expect(programOf("python-httpx/0.28.1")).toBe("python-httpx/0.28.1");
  expect(programOf("x".repeat(90))).toHaveLength(40);
});
