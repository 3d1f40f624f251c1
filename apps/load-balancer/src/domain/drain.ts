import type {
  EventsOf,
  Instant,
  NodeDrained,
  NodeDrainOverdue,
  NodeDrainStarted,
  NodeDrainStopped,
} from '@holdfast/contracts';

export type DrainEvent = EventsOf<
  [typeof NodeDrainStarted, typeof NodeDrainStopped, typeof NodeDrained, typeof NodeDrainOverdue]
>;

/** Everything leaves the node and nothing new comes, until the drain is stopped. */
export interface Drain {
  readonly since: Instant;
  readonly deadlineAt: Instant;
  /** At the deadline what is left is moved all the same. */
  readonly force: boolean;
  readonly by: 'operator' | 'maintenance';
  readonly state: 'draining' | 'overdue' | 'drained';
}

export function drainAfter(drain: Drain | null, { type, data }: DrainEvent): Drain | null {
  switch (type) {
    case 'NodeDrainStarted': {
      const { at, deadlineAt, force, by } = data;
      return { since: at, deadlineAt, force, by, state: 'draining' };
    }
    case 'NodeDrainStopped':
      return null;
    case 'NodeDrained':
      return drain && { ...drain, state: 'drained' };
    case 'NodeDrainOverdue':
      return drain && { ...drain, state: 'overdue' };
  }
}
