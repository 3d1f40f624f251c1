import { type Decision, ofTask } from './decision';
import { assign, choose, defer, move } from './orders';
import { type CloseCause, msBetween, type MoveCause, type Task } from './routing-table';

const moveFor: Record<CloseCause, MoveCause> = { down: 'nodeDown', impaired: 'impaired', retired: 'operator' };

/**
 * Does what the table owes: systems of closed nodes move, waiting ones are placed. It follows every change of nodes and
 * brakes, so whatever was held back is done as soon as nothing forbids it, and nothing that is in order is touched.
 */
export function settle(decision: Decision): void {
  for (const { taskId } of Object.values(decision.table.tasks)) settleTask(decision, decision.task(taskId));
}

export function settleTask(decision: Decision, task: Task): void {
  const owner = task.nodeId ? decision.table.nodes[task.nodeId] : undefined;
  if (task.phase === 'stopping') {
    // Its node is gone, so nobody will say that it stopped.
    if (owner?.state === 'closed') cancel(decision, task, 'retirement');
    return;
  }
  if (decision.held) return;
  if (task.nodeId === null) return assign(decision, task, task.deferred ? 'retry' : 'admitted');
  if (owner?.state === 'closed') return moveOrphan(decision, task, moveFor[owner.cause as CloseCause]);
  if (task.phase === 'retrying' && isDue(task, decision.known.at)) assign(decision, task, 'retry');
}

/** With nobody to take it the orphan stays its owner's: should that node come back, it serves on at its epoch. */
function moveOrphan(decision: Decision, task: Task, cause: MoveCause): void {
  if (!move(decision, task, cause)) defer(decision, task, choose(decision, task));
}

export function cancel(decision: Decision, task: Task, by: 'retirement' | 'creationFailed'): void {
  decision.add({ type: 'TaskCancelled', data: { ...ofTask(task, decision.known), by } });
}

function isDue({ notBefore }: Task, at: string): boolean {
  return notBefore !== null && msBetween(notBefore, at) >= 0;
}
