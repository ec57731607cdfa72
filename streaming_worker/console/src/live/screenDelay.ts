// Measures on this page, while somebody looks: each change of an order book, from its frame to its paint.
import { useEffect, useState } from "react";

import { get } from "../api/client";
import type { BookTop, Live } from "../api/types";
import { type Delay, Delays, type Exchange, offsetOf } from "./delay";
import { onPaint, useLive } from "./store";
import type { Message } from "./stream";

const EXCHANGES = 3;
const READ_MS = 1_000;

async function exchange(): Promise<Exchange> {
  const asked = Date.now();
  const { as_of } = await get<Live>("/health/live");
  return { asked, answered: Date.now(), server: Date.parse(as_of) };
}

/** Follows the books while it is used; null until a change was painted. */
export function useScreenDelay(): Delay | null {
  const [delay, setDelay] = useState<Delay | null>(null);
  useLive("books");
  useEffect(() => {
    const delays = new Delays();
    const made: Exchange[] = [];
    let offset: number | null = null;
    let isOver = false;
    void (async () => {
      while (made.length < EXCHANGES && !isOver) {
        made.push(await exchange());
        offset = offsetOf(made);
      }
    })().catch(() => undefined); // without the server's clock nothing is said
    const end = onPaint("books", (messages: readonly Message[]) => {
      if (offset === null) return;
      const painted = Date.now() + offset;
      for (const message of messages) {
        if (message.kind !== "delta") continue;
        for (const book of (message.data as { items?: readonly BookTop[] }).items ?? []) {
          if (book.received_at !== null) delays.add(painted - Date.parse(book.received_at));
        }
      }
    });
    const timer = setInterval(() => setDelay(delays.read()), READ_MS);
    return () => {
      isOver = true;
      end();
      clearInterval(timer);
    };
  }, []);
  return delay;
}
