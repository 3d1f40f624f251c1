import type { TaskId } from '@holdfast/contracts';
import { type Decision, ofTask } from './decision';
import { move } from './orders';
import { settleTask } from './owed';
import { lookUp } from './persistent-map';
import { FROZEN_MS } from './points';
import { isToEnd, recall, stopped, STOPPED_MS } from './recalls';
import { fail } from './retries';
import { anotherIsWilling } from './task-facts';
import { type BackgroundTask, isBackground, isServe, type Task } from './task';
import { msBetween } from './time';

/** It runs and does not come forward: told, and then taken away from its node. */
export const STALLED_MS = 60_000;
export const STALLED_FOR_GOOD_MS = 180_000;

/** What its node's samples say, by the log's clock: while nothing is heard of anybody, that clock stands still. */
export interface Progress {
  /** Since its last sample. */
  readonly silentMs: number;
  /** Since its bytes were more than before. */
  readonly stillMs: number;
}

/** Nobody could have told. */
const NO_NEWS: Progress = { silentMs: Infinity, stillMs: 0 };

/** Nothing was heard of the task since its phase began, or since it was looked at last. */
export function checkTask(decision: Decision, taskId: TaskId, progress: Progress = NO_NEWS): void {
  const task = lookUp(decision.table.tasks, taskId);
  if (!task) return;
  const sinceMs = msBetween(task.since, decision.known.at);
  // What was heard of its last attempt says nothing about this one.
  const told = { silentMs: Math.min(progress.silentMs, sinceMs), stillMs: Math.min(progress.stillMs, sinceMs) };
  switch (task.phase) {
    case 'assigned':
      return isBeating(decision, task) ? checkTaken(decision, task, told) : settleTask(decision, task);
    case 'held':
    case 'running':
      return isBackground(task) ? checkRunning(decision, task, told) : settleTask(decision, task);
    case 'freezing':
      return sinceMs >= FROZEN_MS && isBackground(task)
        ? fail(decision, task, { errorClass: 'busy', code: 'POINT_UNANSWERED' })
        : undefined;
    case 'stopping':
      return sinceMs >= STOPPED_MS ? stopUnanswered(decision, task) : settleTask(decision, task);
    default:
      return settleTask(decision, task);
  }
}

function checkTaken(decision: Decision, task: Task, { silentMs, stillMs }: Progress): void {
  const { takenMs, at } = decision.known;
  const lost = msBetween(task.since, at) >= takenMs;
  // It fills the images from a backup and says so: that takes as long as it takes.
  const restores = isServe(task) && !task.created && task.spec.fromBackup !== undefined;
  if (restores && silentMs < takenMs && stillMs < STALLED_FOR_GOOD_MS) return;
  // With nobody else to ask, the order stands.
  if (lost && !decision.held && anotherIsWilling(decision, task)) move(decision, task, 'notTaken');
}

function checkRunning(decision: Decision, task: BackgroundTask, { stillMs }: Progress): void {
  const { nodeId, epoch } = task;
  if (!nodeId || !isBeating(decision, task)) return settleTask(decision, task);
  if (stillMs < STALLED_MS) return;
  if (!task.stalled) {
    decision.add({ type: 'TaskStalled', data: { ...ofTask(task, decision.known), nodeId, epoch, forMs: stillMs } });
  }
  if (stillMs >= STALLED_FOR_GOOD_MS && !decision.held) recall(decision, task, { cause: 'stalled' });
}

/** A system's end is asked for again: only its node can say that it is served no more. All else is fenced. */
function stopUnanswered(decision: Decision, task: Task): void {
  const end = isToEnd(task);
  if (end && isServe(task)) {
    if (isHeard(decision, task)) return recall(decision, task, { cause: 'retirement' });
    return settleTask(decision, task);
  }
  if (!end && decision.held) return;
  if (isServe(task) && !isHeard(decision, task)) return settleTask(decision, task);
  stopped(decision, task);
}

/** An impaired node beats too: what it was told to stop and does not, it cannot. */
function isHeard(decision: Decision, task: Task): boolean {
  const owner = task.nodeId ? decision.table.nodes[task.nodeId] : undefined;
  return isBeating(decision, task) || (owner?.state === 'cordoned' && owner.cause === 'impaired');
}

/** A suspect or closed node's silence says nothing about the order. */
function isBeating({ table }: Decision, { nodeId }: Task): boolean {
  return nodeId !== null && table.nodes[nodeId]?.state === 'open';
}
