import type { NodeId } from '@holdfast/contracts';
import { type Decision, ofTask } from './decision';
import { choose, defer, keep, move, moveByWill, moveTo, resumeOf } from './orders';
import { snapshotOf, type TableNode } from './routing-table';
import { isServe, type MoveCause, type RecallCause, type Task } from './task';

/** A recall that nobody answered: a system's end is asked for again, anything else goes on elsewhere all the same. */
export const STOPPED_MS = 30_000;

type CancelCause = 'retirement' | 'creationFailed' | 'operator';

/** How far it was when it stopped. */
export interface Stop {
  readonly token: string | null;
  readonly doneBytes: number;
}

/** Tells the node that carries it to stop. */
export function recall(
  decision: Decision,
  task: Task,
  { cause, toNodeId }: { cause: RecallCause; toNodeId?: NodeId | undefined },
): void {
  const { nodeId, epoch } = task;
  if (!nodeId) return;
  const to = toNodeId ? { toNodeId } : {};
  decision.add({ type: 'TaskRecalled', data: { ...ofTask(task, decision.known), nodeId, epoch, cause, ...to } });
}

/** The end that its recall asked for, if it was to end. */
export function isToEnd({ recall }: Task): CancelCause | null {
  if (recall?.cause === 'cancel') return 'operator';
  return recall?.cause === 'retirement' ? 'retirement' : null;
}

/** It stopped, or is taken to have: it ends, or goes on elsewhere, or where it was if there is no other place for it. */
export function stopped(decision: Decision, task: Task, stop: Stop | null = null): void {
  const end = isToEnd(task);
  if (end) return cancel(decision, task, end);
  const resumed = withStop(task, stop);
  if (decision.held) return waitStopped(decision, resumed);

  const owner = task.nodeId ? decision.table.nodes[task.nodeId] : undefined;
  if (owner && isCauseGone(task, owner)) return keep(decision, resumed, owner.nodeId);
  const { cause = 'operator', toNodeId = null } = task.recall ?? {};
  const away = { nodeId: toNodeId, cause: cause as MoveCause };
  // A person named the node; else it is but the one that ranks first.
  if (cause === 'operator' && away.nodeId && moveTo(decision, resumed, { ...away, nodeId: away.nodeId })) return;
  const mayStay = owner !== undefined && owner.state !== 'closed';
  if (mayStay ? moveByWill(decision, resumed, away.cause) : move(decision, resumed, away.cause)) return;
  if (mayStay) keep(decision, resumed, owner.nodeId);
  else defer(decision, task, choose(decision, task));
}

/** Its node is not drained any more: it may go on there. */
function isCauseGone({ recall }: Task, { state, drain }: TableNode): boolean {
  return recall?.cause === 'drain' && state === 'open' && drain === null;
}

/** A brake forbids to give it to anybody: it is due as soon as that is off. It was told to stop, so it has not failed. */
function waitStopped(decision: Decision, task: Task): void {
  const { attempts: attempt } = task;
  const { at: notBefore } = decision.known;
  const data = { ...ofTask(task, decision.known), attempt, code: 'STOPPED', notBefore, ...resumeOf(task) };
  decision.add({ type: 'TaskRetryScheduled', data: { ...data, errorClass: 'busy' } });
}

/** Unless it had only read again what was sealed before. */
function withStop(task: Task, stop: Stop | null): Task {
  if (isServe(task) || !stop || stop.doneBytes <= (task.checkpoint?.doneBytes ?? 0)) return task;
  return { ...task, checkpoint: { epoch: task.epoch, token: stop.token, doneBytes: stop.doneBytes } };
}

/**
 * A person's own wish, and an end: no brake holds it. Whoever works on it stops first, and is told once more where it is
 * ending already. A system that is to be tried again is still its last node's, which does not serve it.
 */
export function end(decision: Decision, task: Task, by: 'retirement' | 'operator'): void {
  const owner = task.nodeId ? decision.table.nodes[task.nodeId] : undefined;
  if (!owner || owner.state === 'closed' || task.phase === 'retrying') return cancel(decision, task, by);
  recall(decision, task, { cause: by === 'retirement' ? 'retirement' : 'cancel' });
}

export function cancel(decision: Decision, task: Task, by: CancelCause): void {
  const point = task.kind === 'snapshot' ? { systemId: task.systemId, pointId: task.spec.pointId } : {};
  decision.add({ type: 'TaskCancelled', data: { ...ofTask(task, decision.known), by, ...point } });
}

/** A system's points go with it: what reads one ends first. */
export function cancelSnapshotOf(decision: Decision, { systemId }: Task, by: CancelCause): void {
  const task = snapshotOf(decision.table, systemId);
  if (task) cancel(decision, task, by);
}
