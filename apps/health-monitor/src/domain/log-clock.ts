import { GAP_MS, SETTLE_MS } from './numbers';

/**
 * What time it is on one partition: the highest append time read from it. A partition is read in append order, so all
 * that was appended before has been read, and whatever stops the log or its reader stops this clock too: it cannot
 * make a node look dead.
 */
export class LogClock {
  private nowMs = -Infinity;
  private beganMs = -Infinity;
  private lastOffset = '-1';
  private settledFromMs = -Infinity;

  /** True when the clock moved. A new leader's clock may step back: then it stands until that one has caught up. */
  advance(offset: string, appendedAtMs: number): boolean {
    if (this.beganMs === -Infinity) this.beganMs = appendedAtMs;
    else if (appendedAtMs - this.nowMs > GAP_MS) this.settledFromMs = appendedAtMs + SETTLE_MS;
    this.lastOffset = offset;
    if (appendedAtMs <= this.nowMs) return false;
    this.nowMs = appendedAtMs;
    return true;
  }

  /** A batch that failed half way is read again from its beginning. */
  hasRead(offset: string): boolean {
    return BigInt(offset) <= BigInt(this.lastOffset);
  }

  get started(): boolean {
    return this.beganMs !== -Infinity;
  }

  get ms(): number {
    return this.nowMs;
  }

  /** The append time of the first record read: before it the observer knows nothing. */
  get memoryFromMs(): number {
    return this.beganMs;
  }

  get offset(): string {
    return this.lastOffset;
  }

  /** After a stall the backlog's beats come first: no verdict before they had their time. */
  get settled(): boolean {
    return this.nowMs >= this.settledFromMs;
  }
}
