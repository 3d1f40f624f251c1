import { THAW_AFTER_MS } from './numbers';

/** How many nodes of a cluster may be late at once: more have one cause, and it is likely ours. */
export function freezeLimit(nodes: number): number {
  return Math.max(1, Math.min(Math.max(2, Math.ceil(nodes / 10)), Math.floor(nodes / 2)));
}

interface Calm {
  readonly limit: number;
  readonly frozenMs: number;
  /** When each node was late last; those late now say now. */
  readonly lateUntilMs: readonly number[];
}

/**
 * Since when at most half of the limit was late at any moment: only the nodes with the latest ends can have been late
 * after the end of the one that follows them. It needs no memory of its own, so a restart changes nothing.
 */
export function calmSinceMs({ limit, frozenMs, lateUntilMs }: Calm): number {
  const latestFirst = [...lateUntilMs].sort((one, other) => other - one);
  return Math.max(frozenMs, latestFirst[Math.floor(limit / 2)] ?? -Infinity);
}

export const mayThaw = (calm: Calm, nowMs: number): boolean => nowMs - calmSinceMs(calm) >= THAW_AFTER_MS;
