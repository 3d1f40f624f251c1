import { setTimeout as sleep } from 'node:timers/promises';

/** A late timer is made good, a long silence is not. */
const MADE_GOOD_MS = 250;
const SMALLEST_SLICE = 4_096;

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

  /**
   * Waits for the turn of all these bytes, a tenth of a second's at a time, and tells of each: at a low rate a MiB takes
   * longer than anybody waits for a sign of life. Throws when the signal comes first.
   */
  async take(bytes: number, signal: AbortSignal, taken: (bytes: number) => void): Promise<void> {
    const slice = Math.max(SMALLEST_SLICE, Math.ceil(this.bytesPerSec / 10));
    for (let left = bytes; left > 0; left -= slice) {
      const now = Math.min(slice, left);
      const waitMs = this.waitMs(now);
      signal.throwIfAborted();
      if (waitMs > 0) await sleep(waitMs, undefined, { signal });
      taken(now);
    }
  }
}
