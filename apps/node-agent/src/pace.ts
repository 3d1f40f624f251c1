import { setTimeout as sleep } from 'node:timers/promises';

/** A late timer is made good, a long silence is not. */
const MADE_GOOD_MS = 250;

/** So many bytes a second at most, evenly: what is not read now is not saved up for later. */
export class Pace {
  private freeAtMs: number;

  constructor(
    private readonly bytesPerSec: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.freeAtMs = nowMs();
  }

  /** How long these bytes wait for their turn. Those asked for later come after them. */
  waitMs(bytes: number): number {
    const now = this.nowMs();
    const turnAtMs = Math.max(this.freeAtMs, now - MADE_GOOD_MS);
    this.freeAtMs = turnAtMs + (bytes / this.bytesPerSec) * 1_000;
    return Math.max(0, turnAtMs - now);
  }

  /** Throws when the signal comes first. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const waitMs = this.waitMs(bytes);
    signal.throwIfAborted();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
  }
}
