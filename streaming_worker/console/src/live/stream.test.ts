import { beforeEach, describe, expect, it } from "vitest";

import { type Message, SILENCE_MS, Stream } from "./stream";

class Wire {
  sent: string[] = [];
  closed = false;
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.closed = true;
  }
  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

let now = 0;
let wires: Wire[] = [];
let waiting: { at: number; call: () => void }[] = [];
let renewals = 0;

function pass(ms: number): void {
  now += ms;
  const due = waiting.filter((entry) => entry.at <= now);
  waiting = waiting.filter((entry) => entry.at > now);
  due.forEach((entry) => entry.call());
}

function make(): Stream {
  return new Stream({
    dial: () => {
      const wire = new Wire();
      wires.push(wire);
      return wire;
    },
    now: () => now,
    random: () => 1,
    later: (ms, call) => {
      const entry = { at: now + ms, call };
      waiting.push(entry);
      return () => {
        waiting = waiting.filter((other) => other !== entry);
      };
    },
    renew: async () => {
      renewals += 1;
    },
  });
}

const at = (index: number): Wire => {
  const wire = wires[index];
  if (wire === undefined) throw new Error(`no connection ${index}`);
  return wire;
};

beforeEach(() => {
  now = 0;
  wires = [];
  waiting = [];
  renewals = 0;
});

describe("sequence", () => {
  it("passes deltas that follow, and asks anew after a hole", () => {
    const stream = make();
    const heard: Message[] = [];
    stream.on("feeds", (message) => heard.push(message));
    stream.start();
    at(0).onopen?.();
    at(0).say({ topic: "feeds", seq: 7, kind: "snapshot", data: 1 });
    at(0).say({ topic: "feeds", seq: 8, kind: "delta", data: 2 });
    at(0).say({ topic: "feeds", seq: 10, kind: "delta", data: 3 });
    at(0).say({ topic: "feeds", seq: 11, kind: "delta", data: 4 });
    expect(heard.map((message) => message.kind)).toEqual(["snapshot", "delta", "gap"]);
    expect(at(0).sent).toEqual(['{"subscribe":["feeds"]}', '{"unsubscribe":["feeds"]}', '{"subscribe":["feeds"]}']);
    at(0).say({ topic: "feeds", seq: 30, kind: "snapshot", data: 5 });
    expect(heard.at(-1)?.data).toBe(5);
  });

  it("a heartbeat keeps the link alive and counts for nothing else", () => {
    const stream = make();
    const heard: string[] = [];
    stream.on("status", (message) => heard.push(message.kind));
    stream.start();
    at(0).onopen?.();
    at(0).say({ topic: "status", seq: 1, kind: "snapshot", data: {} });
    for (let beat = 0; beat < 6; beat += 1) {
      pass(SILENCE_MS / 4);
      at(0).say({ topic: "status", seq: 1, kind: "heartbeat" });
    }
    at(0).say({ topic: "status", seq: 2, kind: "delta", data: {} });
    expect(stream.snapshot().link).toBe("live");
    expect(heard.at(-1)).toBe("delta");
  });
});

describe("a lost link", () => {
  it("is noticed by silence, dialled again, and subscribed again", async () => {
    const stream = make();
    stream.on("risk", () => undefined);
    stream.start();
    at(0).onopen?.();
    for (let step = 0; step < 5; step += 1) pass(SILENCE_MS / 4);
    expect(stream.snapshot()).toMatchObject({ link: "lost", why: "no word from the server" });
    expect(at(0).closed).toBe(true);
    pass(500);
    await Promise.resolve();
    at(1).onopen?.();
    expect(at(1).sent).toEqual(['{"subscribe":["risk"]}']);
    expect(stream.snapshot().link).toBe("live");
  });

  it("waits longer each time, up to a bound, and renews the session", async () => {
    const stream = make();
    stream.start();
    const waits: number[] = [];
    for (let turn = 0; turn < 7; turn += 1) {
      at(turn).onclose?.({ code: 1006, reason: "" });
      waits.push((stream.snapshot().retryAt ?? 0) - now);
      pass(waits.at(-1) ?? 0);
      await Promise.resolve();
      await Promise.resolve();
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    expect(renewals).toBe(6);
  });

  it("says why it was refused", () => {
    const stream = make();
    stream.start();
    at(0).onclose?.({ code: 4408, reason: "" });
    expect(stream.snapshot().why).toBe("this page was too slow and was cut off");
  });

  it("stays silent after stop", () => {
    const stream = make();
    stream.start();
    stream.stop();
    pass(60_000);
    expect(wires.length).toBe(1);
  });
});
