// One socket per page. Topics carry sequence numbers: a hole drops what we have and waits for the next snapshot.

export type Topic =
  | "status" | "risk" | "feeds" | "books" | "opportunities" | "trades" | "rejections" | "inventory" | "alerts" | "logs";

export interface Message {
  topic: Topic;
  seq: number;
  kind: "snapshot" | "delta" | "gap" | "heartbeat";
  data?: unknown;
}

export type Link = "connecting" | "live" | "lost";

export interface LinkState {
  link: Link;
  /** When the last message of any kind came, by this page's own monotonic clock. */
  heardAt: number | null;
  retryAt: number | null;
  why: string | null;
}

interface Socket {
  send(text: string): void;
  close(code?: number): void;
  onopen: (() => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
}

export interface Edges {
  dial(): Socket;
  now(): number;
  random(): number;
  later(ms: number, call: () => void): () => void;
  renew(): Promise<unknown>;
}

type Handler = (message: Message) => void;

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
/** The server sends something on every topic at least this often; longer silence is a dead link. */
export const SILENCE_MS = 8_000;
const UNAUTHENTICATED = 4401;
const REFUSALS: Readonly<Record<number, string>> = {
  4400: "the server did not understand this page",
  4401: "the session is over",
  4403: "this role may not see the stream",
  4408: "this page was too slow and was cut off",
  1001: "the server is restarting",
  1008: "the server refused the connection",
  4429: "too many connections from this address",
};

export class Stream {
  private socket: Socket | null = null;
  private readonly handlers = new Map<Topic, Set<Handler>>();
  private readonly expected = new Map<Topic, number>();
  private readonly watchers = new Set<() => void>();
  private state: LinkState = { link: "connecting", heardAt: null, retryAt: null, why: null };
  private attempts = 0;
  private cancel: (() => void) | null = null;
  private running = false;

  constructor(private readonly edges: Edges) {}

  start(): void {
    if (this.running) return;
    this.running = true;
    this.open();
  }

  stop(): void {
    this.running = false;
    this.cancel?.();
    this.drop();
  }

  snapshot = (): LinkState => this.state;

  watch = (call: () => void): (() => void) => {
    this.watchers.add(call);
    return () => this.watchers.delete(call);
  };

  on(topic: Topic, handler: Handler): () => void {
    const known = this.handlers.get(topic);
    if (known === undefined) this.handlers.set(topic, new Set([handler]));
    else known.add(handler);
    this.subscribe([topic]);
    return () => this.off(topic, handler);
  }

  /** Dial now instead of waiting for the countdown. */
  retry(): void {
    if (this.state.link !== "lost") return;
    this.cancel?.();
    this.open();
  }

  private off(topic: Topic, handler: Handler): void {
    const known = this.handlers.get(topic);
    known?.delete(handler);
    if (known !== undefined && known.size > 0) return;
    this.handlers.delete(topic);
    this.expected.delete(topic);
    if (this.state.link === "live") this.socket?.send(JSON.stringify({ unsubscribe: [topic] }));
  }

  private subscribe(topics: readonly Topic[]): void {
    if (this.state.link !== "live" || topics.length === 0) return;
    topics.forEach((topic) => this.expected.delete(topic));
    this.socket?.send(JSON.stringify({ subscribe: topics }));
  }

  private open(): void {
    this.become({ link: "connecting", retryAt: null });
    const socket = this.edges.dial();
    this.socket = socket;
    socket.onopen = () => {
      this.become({ link: "live", heardAt: this.edges.now(), retryAt: null, why: null });
      this.subscribe([...this.handlers.keys()]);
      this.listen(socket);
    };
    socket.onmessage = (event) => this.hear(event.data);
    socket.onclose = (event) => {
      if (this.socket === socket) this.lose(event.code, REFUSALS[event.code] ?? (event.reason || null));
    };
  }

  private listen(socket: Socket): void {
    this.cancel = this.edges.later(SILENCE_MS / 4, () => {
      if (this.socket !== socket) return;
      if (this.edges.now() - (this.state.heardAt ?? 0) > SILENCE_MS) this.lose(0, "no word from the server");
      else this.listen(socket);
    });
  }

  private hear(text: unknown): void {
    const message = JSON.parse(String(text)) as Partial<Message>;
    this.attempts = 0;
    this.become({ heardAt: this.edges.now() });
    if (message.topic !== undefined && message.kind !== undefined) this.pass(message as Message);
  }

  private pass(message: Message): void {
    const { topic, seq, kind } = message;
    const expected = this.expected.get(topic);
    if (kind === "delta" && expected === undefined) return; // its snapshot is on the way
    if (kind === "delta" && seq !== expected) {
      this.tell({ ...message, kind: "gap" });
      // the server gives a snapshot to who begins to follow
      this.socket?.send(JSON.stringify({ unsubscribe: [topic] }));
      this.subscribe([topic]);
      return;
    }
    if (kind === "snapshot" || kind === "delta") this.expected.set(topic, seq + 1);
    if (kind === "gap") this.expected.delete(topic);
    this.tell(message);
  }

  private tell(message: Message): void {
    this.handlers.get(message.topic)?.forEach((handler) => handler(message));
  }

  private lose(code: number, why: string | null): void {
    this.drop();
    if (!this.running) return;
    const base = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.attempts);
    const wait = base * (0.5 + this.edges.random() / 2);
    this.attempts += 1;
    this.become({ link: "lost", retryAt: this.edges.now() + wait, why });
    this.cancel = this.edges.later(wait, () => {
      const ready = code === UNAUTHENTICATED || this.attempts > 1 ? this.edges.renew() : Promise.resolve();
      void ready.then(() => {
        if (this.running && this.state.link === "lost") this.open();
      });
    });
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    this.cancel?.();
    this.cancel = null;
    this.expected.clear();
    if (socket === null) return;
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
  }

  private become(change: Partial<LinkState>): void {
    const before = this.state;
    this.state = { ...before, ...change };
    // heardAt changes with each message; whoever shows it looks by its own clock
    if (change.link !== undefined || change.retryAt !== undefined) this.watchers.forEach((call) => call());
  }
}
