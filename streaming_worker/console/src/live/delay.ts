// How long it takes from the frame's arrival at the worker until its figure is on this screen.

const KEPT = 600;

export interface Delay {
  p50: number;
  p95: number;
  count: number;
}

/** The newest delays; one that is below nothing says that a clock is wrong, and counts as none. */
export class Delays {
  private readonly kept: number[] = [];

  add(ms: number): void {
    if (!Number.isFinite(ms)) return;
    this.kept.push(Math.max(0, ms));
    if (this.kept.length > KEPT) this.kept.splice(0, this.kept.length - KEPT);
  }

  read(): Delay | null {
    if (this.kept.length === 0) return null;
    const sorted = [...this.kept].sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
    return { p50: at(0.5), p95: at(0.95), count: sorted.length };
  }
}

export interface Exchange {
  /** This page's clock when it asked and when the answer came, and the server's in between. */
  asked: number;
  answered: number;
  server: number;
}

/** How far the server's clock is ahead of this page's: by the quickest exchange, which can be wrong by half its length. */
export function offsetOf(exchanges: readonly Exchange[]): number | null {
  const quickest = [...exchanges].sort((a, b) => a.answered - a.asked - (b.answered - b.asked))[0];
  return quickest === undefined ? null : quickest.server - (quickest.asked + quickest.answered) / 2;
}
