import { DOWNS_COUNT_MS, FIRST_HOLD_MS, LONGEST_HOLD_MS } from './numbers';

/**
 * For how long nothing comes home to a node that is back: the longer, the oftener it was down within the hour. It damps
 * the way back alone; the next "down" is as fast as the first.
 */
export function holdMs(downsMs: readonly number[], nowMs: number): number {
  const lately = downsMs.filter((downMs) => nowMs - downMs <= DOWNS_COUNT_MS).length;
  // One that was dead for longer than the hour was down all the same.
  return Math.min(LONGEST_HOLD_MS, FIRST_HOLD_MS * 2 ** (Math.max(1, lately) - 1));
}
