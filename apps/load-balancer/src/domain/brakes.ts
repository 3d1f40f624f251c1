import type { Decision } from './decision';
import { settle } from './owed';
import type { Brake } from './routing-table';

/* Each forbids every move of its cluster, for a reason of its own: all must be off. */

export function hold(decision: Decision, brake: Brake): void {
  const { clusterId, at } = decision.known;
  if (!decision.table.brakes.includes(brake)) decision.add({ type: 'PlacementHeld', data: { clusterId, brake, at } });
}

export function resume(decision: Decision, brake: Brake): void {
  if (!decision.table.brakes.includes(brake)) return;
  const { clusterId, at } = decision.known;
  decision.add({ type: 'PlacementResumed', data: { clusterId, brake, at } });
  settle(decision);
}
