// Live state of the page: folded as messages come, painted at most ten times a second, and not at all while hidden.
import { useCallback, useSyncExternalStore } from "react";

import { renewSession } from "../api/client";
import { type LinkState, type Message, Stream, type Topic } from "./stream";
import { newest, prepended, replaced } from "./topics";

const PAINT_MS = 100;

const FOLDS = {
  status: newest,
  risk: newest,
  feeds: replaced,
  books: replaced,
  inventory: replaced,
  opportunities: prepended,
  trades: prepended,
  rejections: prepended,
  alerts: prepended,
  logs: prepended,
} as const;

export const stream = new Stream({
  dial: () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    return new WebSocket(`${scheme}://${location.host}/api/v1/stream`) as never;
  },
  now: () => performance.now(),
  random: () => Math.random(),
  later: (ms, call) => {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
  renew: renewSession,
});

class Board {
  private readonly folded = new Map<Topic, unknown>();
  private readonly painted = new Map<Topic, unknown>();
  private readonly watchers = new Map<Topic, Set<() => void>>();
  private readonly closers = new Map<Topic, () => void>();
  private readonly dirty = new Set<Topic>();
  private readonly fresh = new Map<Topic, Message[]>();
  private readonly painters = new Map<Topic, Set<(messages: readonly Message[]) => void>>();
  private lastPaint = 0;
  private scheduled = false;

  value(topic: Topic): unknown {
    return this.painted.get(topic);
  }

  watch(topic: Topic, call: () => void): () => void {
    const known = this.watchers.get(topic) ?? new Set();
    this.watchers.set(topic, known);
    known.add(call);
    if (!this.closers.has(topic)) this.open(topic);
    return () => {
      known.delete(call);
      // a screen change unmounts and mounts again at once: keep the topic for the new one
      setTimeout(() => this.closeIfUnwatched(topic), 1_000);
    };
  }

  /** Call when the messages of a topic have been drawn. */
  onPaint(topic: Topic, call: (messages: readonly Message[]) => void): () => void {
    const known = this.painters.get(topic) ?? new Set();
    this.painters.set(topic, known);
    known.add(call);
    return () => {
      known.delete(call);
      if (known.size > 0) return;
      this.painters.delete(topic);
      this.fresh.delete(topic);
    };
  }

  private open(topic: Topic): void {
    const fold = FOLDS[topic];
    this.closers.set(topic, stream.on(topic, (message) => {
      const before = this.folded.get(topic);
      const after = fold(before, message);
      if (after === before) return;
      if (this.painters.has(topic)) this.fresh.set(topic, [...(this.fresh.get(topic) ?? []), message]);
      this.folded.set(topic, after);
      this.dirty.add(topic);
      this.schedule();
    }));
  }

  private closeIfUnwatched(topic: Topic): void {
    if ((this.watchers.get(topic)?.size ?? 0) > 0) return;
    this.closers.get(topic)?.();
    this.closers.delete(topic);
    this.folded.delete(topic);
    this.painted.delete(topic);
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    // a hidden page gets no frames, so it paints nothing until it is seen again
    requestAnimationFrame((at) => this.frame(at));
  }

  private frame(at: number): void {
    if (at - this.lastPaint < PAINT_MS) {
      requestAnimationFrame((next) => this.frame(next));
      return;
    }
    this.scheduled = false;
    this.lastPaint = at;
    const topics = [...this.dirty];
    this.dirty.clear();
    topics.forEach((topic) => this.painted.set(topic, this.folded.get(topic)));
    topics.forEach((topic) => this.watchers.get(topic)?.forEach((call) => call()));
    const drawn = topics.flatMap((topic) => {
      const messages = this.fresh.get(topic);
      this.fresh.delete(topic);
      return messages === undefined ? [] : [[topic, messages] as const];
    });
    // what the watchers changed is on the screen when the next frame begins
    if (drawn.length > 0) requestAnimationFrame(() => drawn.forEach(([topic, messages]) => this.painters.get(topic)?.forEach((call) => call(messages))));
  }
}

const board = new Board();

export const onPaint = board.onPaint.bind(board);

/** The live value of a topic, or undefined before its first snapshot and after a loss. */
export function useLive<T>(topic: Topic): T | undefined {
  const watch = useCallback((call: () => void) => board.watch(topic, call), [topic]);
  const read = useCallback(() => board.value(topic), [topic]);
  // a server that has just begun has nothing to say yet, and says null
  return (useSyncExternalStore(watch, read) ?? undefined) as T | undefined;
}

export function useLink(): LinkState {
  return useSyncExternalStore(stream.watch, stream.snapshot);
}
