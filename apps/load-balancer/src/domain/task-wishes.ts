import type { NodeId, RequestId, TaskActionRejected, TaskId } from '@holdfast/contracts';
import { assertNever } from '@holdfast/kernel';
import type { DataOf } from './data-of';
import { type Decision, ofTask } from './decision';
import { chooseToLeave, fits, moveTo } from './orders';
import { placeBackground, placeWaiting } from './owed';
import { lookUp } from './persistent-map';
import { end, recall } from './recalls';
import type { TableNode } from './routing-table';
import { isBackground, type Task } from './task';

interface Wish {
  readonly taskId: TaskId;
  readonly requestId: RequestId;
}

/** What people ask of a task that is there. Each is carried out or refused, with the reason. */
export type TaskWish =
  | ({ readonly type: 'MoveTask'; readonly toNodeId: NodeId | null } & Wish)
  | ({ readonly type: 'CancelTask' } & Wish)
  | ({ readonly type: 'RetryTask' } & Wish);

type Refusal = DataOf<typeof TaskActionRejected>['reason'];
const actions = { MoveTask: 'move', CancelTask: 'cancel', RetryTask: 'retry' } as const;

export function carryOutWish(decision: Decision, wish: TaskWish): void {
  const task = lookUp(decision.table.tasks, wish.taskId);
  const refusal = task ? carryOut(decision, task, wish) : unknown(decision, wish);
  if (refusal === null) return;
  const { clusterId, at } = decision.known;
  const { taskId, requestId, type } = wish;
  const data = { clusterId, taskId, requestId, action: actions[type], reason: refusal, at };
  decision.add({ type: 'TaskActionRejected', data });
}

function unknown({ table }: Decision, { taskId }: Wish): Refusal {
  return table.ended.some((ended) => ended.taskId === taskId) ? 'ENDED' : 'UNKNOWN_TASK';
}

function carryOut(decision: Decision, task: Task, wish: TaskWish): Refusal | null {
  switch (wish.type) {
    case 'MoveTask':
      return moveAway(decision, task, wish.toNodeId);
    case 'CancelTask':
      return cancel(decision, task);
    case 'RetryTask':
      return reopen(decision, task, wish.requestId);
    default:
      return assertNever(wish);
  }
}

function moveAway(decision: Decision, task: Task, toNodeId: NodeId | null): Refusal | null {
  const { nodeId } = task;
  const way = nodeId && wayFrom(decision.table.nodes[nodeId], task);
  if (!nodeId || !way) return 'NOT_PLACED';
  if (decision.held) return 'PLACEMENT_HELD';
  const other = roomFor(decision, task, toNodeId);
  if (!other) return 'NO_NODE';
  if (way === 'order') moveTo(decision, task, { nodeId: other, cause: 'operator' });
  else recall(decision, task, { cause: 'operator', ...(toNodeId ? { toNodeId } : {}) });
  return null;
}

/** Whoever carries it stops first. Who is gone, or cannot take a system's order, is fenced by the next order alone. */
function wayFrom(owner: TableNode | undefined, { phase, kind }: Task): 'recall' | 'order' | null {
  if (phase === 'stopping') return null;
  if (owner?.state === 'closed') return 'order';
  if (phase === 'running' || (phase === 'assigned' && kind !== 'serve')) return 'recall';
  return phase === 'assigned' && owner?.state === 'cordoned' ? 'order' : null;
}

function roomFor(decision: Decision, task: Task, toNodeId: NodeId | null): NodeId | null {
  if (!toNodeId) return chooseToLeave(decision, task).nodeId;
  return toNodeId !== task.nodeId && fits(decision, task, toNodeId) ? toNodeId : null;
}

function cancel(decision: Decision, task: Task): Refusal | null {
  if (!isBackground(task)) return 'IS_SERVE';
  end(decision, task, 'operator');
  // It leaves its node, or does not come any more to the one that it was on its way to.
  placeWaiting(decision);
  return null;
}

function reopen(decision: Decision, task: Task, requestId: RequestId): Refusal | null {
  if (!isBackground(task)) return 'IS_SERVE';
  if (task.phase !== 'parked') return 'NOT_PARKED';
  decision.add({ type: 'TaskReopened', data: { ...ofTask(task, decision.known), requestId } });
  const reopened = decision.task(task.taskId);
  if (isBackground(reopened) && !decision.held) placeBackground(decision, reopened);
  return null;
}
