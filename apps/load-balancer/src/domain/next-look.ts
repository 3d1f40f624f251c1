import type { Instant } from '@holdfast/contracts';
import { RETRY_MS } from './orders';
import { type Known, later, msBetween, type RoutingTable, type Task } from './routing-table';
import { STOPPED_MS } from './task-facts';

/** When to look at the task again if nothing is heard of it until then; null: it waits for nothing that time brings. */
export function nextLook(table: RoutingTable, task: Task, known: Pick<Known, 'at' | 'takenMs'>): Instant | null {
  const { at, takenMs } = known;
  switch (task.phase) {
    case 'assigned':
      return after(task.since, takenMs, at);
    case 'stopping':
      return after(task.since, STOPPED_MS, at);
    case 'retrying':
      return task.notBefore && msBetween(at, task.notBefore) > 0 ? task.notBefore : later(at, RETRY_MS);
    case 'pending':
      return later(at, RETRY_MS);
    default:
      return isOrphan(table, task) ? later(at, RETRY_MS) : null;
  }
}

/** `ms` after `since`, or that much from now on if that is past already: something forbade it then. */
function after(since: Instant, ms: number, at: Instant): Instant {
  const due = later(since, ms);
  return msBetween(at, due) > 0 ? due : later(at, ms);
}

function isOrphan({ nodes }: RoutingTable, { nodeId }: Task): boolean {
  return nodeId !== null && nodes[nodeId]?.state === 'closed';
}
