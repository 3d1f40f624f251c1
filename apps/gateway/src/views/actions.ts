import type { OperationRow } from '../projections/operation';
import type { TaskRow } from '../projections/tasks.projection';
import type { Around } from './progress';

export interface Action {
  readonly verb: string;
  readonly allowed: boolean;
  /** What it would lead to; if it is not allowed, what stands in its way. */
  readonly why: string;
}

/** What a person may do about an operation now. */
export function actionsOf(row: OperationRow, { task, node }: Around, now: number): Action[] {
  if (row.plan && row.kind !== 'PlacementPlanRequested') return [applyOf(row.plan.expiresAt, now)];
  if (row.endedAt !== null) return [];
  if (row.kind === 'TaskRequested' && task) return ofTask(task);
  if (row.kind === 'NodeDrainRequested' && node?.drain)
    return [{ verb: 'stop', allowed: true, why: 'the node is used again; what has left it stays away' }];
  return [];
}

function applyOf(expiresAt: string, now: number): Action {
  const allowed = now < Date.parse(expiresAt);
  return {
    verb: 'apply',
    allowed,
    why: allowed ? `good until ${expiresAt}` : `it was good until ${expiresAt}: plan again`,
  };
}

function ofTask({ state, nodeId }: TaskRow): Action[] {
  const isParked = state === 'parked';
  return [
    { verb: 'cancel', allowed: true, why: 'what it has made so far goes' },
    {
      verb: 'move',
      allowed: nodeId !== null,
      why: nodeId === null ? `it is ${state}: no node carries it` : 'it goes on at its last sealed piece',
    },
    { verb: 'retry', allowed: isParked, why: isParked ? 'it waits for a node again' : 'it is not parked' },
  ];
}
