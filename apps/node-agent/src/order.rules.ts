import type { ServeOrder } from './journal-records';

/** An order as it was heard; `nodeIncarnation` null: the sender had not heard of this start of the agent yet. */
export interface HeardOrder extends ServeOrder {
  nodeIncarnation: string | null;
}

interface Known {
  incarnation: string;
  /** The highest epoch that the journal knows for this task. */
  highestEpoch: number;
  /** The epoch at which it is at work here, if it is: a live daemon serves it, a worker carries it. */
  servedEpoch: number | undefined;
}

type OrderVerdict =
  /** Meant for an earlier start of this agent: its epoch is noted, nothing is done. */
  | 'count'
  /** Served at this very epoch: said again. */
  | 'repeat'
  /** Lower than what the journal knows: the store that sent it went back, or the order is very late. */
  | 'stale'
  | 'take';

export function judgeOrder(
  order: Pick<HeardOrder, 'epoch' | 'nodeIncarnation'>,
  { incarnation, highestEpoch, servedEpoch }: Known,
): OrderVerdict {
  if (order.nodeIncarnation !== null && order.nodeIncarnation !== incarnation) return 'count';
  if (order.epoch < highestEpoch) return 'stale';
  return order.epoch === servedEpoch ? 'repeat' : 'take';
}

const DEATHS = 3;
const WITHIN_MS = 60_000;

/** A daemon that dies again and again is no accident: the third death in a minute is reported, not repaired. */
export function mayRestart(deathsAtMs: readonly number[], nowMs: number): boolean {
  return deathsAtMs.filter((at) => nowMs - at < WITHIN_MS).length < DEATHS;
}
