import { expect, it } from "vitest";

import type { Message } from "./stream";
import { MOST_ROWS, prepended, replaced } from "./topics";

const delta = (data: unknown): Message => ({ topic: "trades", seq: 2, kind: "delta", data });

it("changes a known row in place and puts new ones on top", () => {
  const before = { items: [{ id: "b", net: 1 }, { id: "a", net: 1 }] };
  const after = prepended(before, delta({ items: [{ id: "a", net: 2 }, { id: "d", net: 4 }, { id: "c", net: 3 }] }));
  expect(after).toEqual({ items: [{ id: "d", net: 4 }, { id: "c", net: 3 }, { id: "b", net: 1 }, { id: "a", net: 2 }] });
});

it("keeps a bounded number of rows", () => {
  const items = Array.from({ length: MOST_ROWS + 50 }, (_, id) => ({ id }));
  const after = prepended({ items: [] }, delta({ items })) as { items: { id: number }[] };
  expect(after.items.length).toBe(MOST_ROWS);
  expect(after.items[0]?.id).toBe(0);
});

it("keeps the order of state rows and drops removed ones", () => {
  const before = { items: [{ key: "x", age: 1 }, { key: "y", age: 1 }, { key: "z", age: 1 }] };
  expect(replaced(before, delta({ items: [{ key: "y", age: 9 }], removed: ["x"] }))).toEqual({
    items: [{ key: "y", age: 9 }, { key: "z", age: 1 }],
  });
});

it("knows nothing after a gap", () => {
  expect(prepended({ items: [1] }, { topic: "trades", seq: 0, kind: "gap" })).toBeUndefined();
});
