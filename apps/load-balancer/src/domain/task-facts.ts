import type { NodeId, TaskId } from '@holdfast/contracts';
import { assertNever } from '@holdfast/kernel';
import { type Decision, ofTask } from './decision';
import { isAvoided, move, reoffer, retryLater } from './orders';
import { cancel, settleTask } from './owed';
import { msBetween, type Task, type WaitsFor } from './routing-table';

/** A recall that nobody answered is sent again. */
export const STOPPED_MS = 30_000;

interface FromNode {
  readonly nodeId: NodeId;
  readonly taskId: TaskId;
  readonly epoch: number;
}

/** What agents tell of the tasks they were given. */
export type TaskFact =
  | ({ readonly type: 'NoteTaken'; readonly tookMs: number } & FromNode)
  | ({ readonly type: 'NoteBlocked'; readonly waitsFor: WaitsFor } & FromNode)
  | ({ readonly type: 'NoteDeclined'; readonly code: string; readonly highestEpoch: number } & FromNode)
  | ({
      readonly type: 'NoteFaulted';
      readonly errorClass: 'node' | 'subject' | 'busy';
      readonly code: string;
    } & FromNode)
  | ({ readonly type: 'NoteStopped' } & FromNode);

export type FactCommand =
  TaskFact | { readonly type: 'NoteEpochAhead'; readonly highestEpoch: number; readonly grantedEpoch: number };

/** A fact of another node than the owner, or of another epoch than the last, is late: it changes nothing. */
export function heardFromNode(decision: Decision, fact: TaskFact): void {
  const task = decision.table.tasks[fact.taskId];
  if (!task || task.nodeId !== fact.nodeId || task.epoch !== fact.epoch) return;
  if (task.phase === 'stopping') return heardWhileStopping(decision, task, fact);
  switch (fact.type) {
    case 'NoteTaken':
      return taken(decision, task, fact);
    case 'NoteBlocked':
      return blocked(decision, task, fact.waitsFor);
    case 'NoteDeclined':
      return declined(decision, task, fact);
    case 'NoteFaulted':
      return faulted(decision, task, fact);
    case 'NoteStopped':
      // Nobody told it to.
      return faulted(decision, task, { errorClass: 'busy', code: 'STOPPED' });
    default:
      return assertNever(fact);
  }
}

/** Whatever it says, but that it took or awaits it just before it heard the recall: it does not serve. */
function heardWhileStopping(decision: Decision, task: Task, fact: TaskFact): void {
  if (fact.type !== 'NoteTaken' && fact.type !== 'NoteBlocked') cancel(decision, task, 'retirement');
}

function taken(decision: Decision, task: Task, { nodeId, epoch, tookMs }: FromNode & { tookMs: number }): void {
  if (task.phase === 'running') return;
  const data = { ...ofTask(task, decision.known), nodeId, epoch, tookMs, created: !task.created };
  decision.add({ type: 'TaskStartConfirmed', data });
}

/** It waits for the lock of an owner asleep, or for the address: never forced, never given up by time. */
function blocked(decision: Decision, task: Task, waitsFor: WaitsFor): void {
  if (task.phase !== 'assigned' || !task.nodeId) return;
  const { nodeId, epoch } = task;
  decision.add({ type: 'TaskHeld', data: { ...ofTask(task, decision.known), nodeId, epoch, waitsFor } });
}

function declined(decision: Decision, task: Task, fact: { code: string; highestEpoch: number }): void {
  if (task.phase !== 'assigned' && task.phase !== 'held') return; // Told twice.
  const { clusterId, at } = decision.known;
  if (fact.code === 'STALE_EPOCH' && fact.highestEpoch > task.epoch) {
    const known = decision.table.brakes.includes('storeRegressed');
    if (!known) decision.add({ type: 'PlacementHeld', data: { clusterId, brake: 'storeRegressed', at } });
    return;
  }
  if (!task.created && (fact.code === 'NO_SPACE' || fact.code === 'MEDIUM_INVALID')) {
    return cancel(decision, task, 'creationFailed');
  }
  if (!decision.held && anotherIsWilling(decision, task) && move(decision, task, 'declined')) return;
  if (!task.created && !decision.held) return cancel(decision, task, 'creationFailed');
  retryLater(decision, task, fact.code);
}

function faulted(decision: Decision, task: Task, fault: { errorClass: string; code: string }): void {
  if (task.phase === 'retrying') return; // Told twice.
  const elsewhere = fault.errorClass === 'node' && !decision.held && anotherIsWilling(decision, task);
  if (elsewhere && move(decision, task, 'impaired')) return;
  retryLater(decision, task, fault.code);
}

/** Open, not the owner, and not one that was tried within the last 30 s: or the two would pass it to and fro. */
function anotherIsWilling({ table, known }: Decision, task: Task): boolean {
  return Object.values(table.nodes).some(
    ({ nodeId, state }) => state === 'open' && nodeId !== task.nodeId && !isAvoided(task, nodeId, known.at),
  );
}

/** A new agent knows its orders by its journal only as far as that was kept: all is offered anew, at its epoch. */
export function reofferTasks(decision: Decision, nodeId: NodeId): void {
  for (const task of Object.values(decision.table.tasks)) {
    if (task.nodeId !== nodeId) continue;
    if (task.phase === 'stopping') recall(decision, task);
    else if (task.phase !== 'retrying') reoffer(decision, task, nodeId);
  }
}

/** Nothing was heard of the task since its phase began, or since it was looked at last. */
export function checkTask(decision: Decision, taskId: TaskId): void {
  const task = decision.table.tasks[taskId];
  if (!task) return;
  const silentMs = msBetween(task.since, decision.known.at);
  if (task.phase === 'assigned' && isBeating(decision, task)) {
    const lost = silentMs >= decision.known.takenMs;
    // With nobody else to ask, the order stands.
    if (lost && !decision.held && anotherIsWilling(decision, task)) move(decision, task, 'notTaken');
    return;
  }
  if (task.phase === 'stopping' && silentMs >= STOPPED_MS && isBeating(decision, task)) return recall(decision, task);
  settleTask(decision, task);
}

/** A suspect or closed node's silence says nothing about the order. */
function isBeating({ table }: Decision, { nodeId }: Task): boolean {
  return nodeId !== null && table.nodes[nodeId]?.state === 'open';
}

export function recall(decision: Decision, task: Task): void {
  if (!task.nodeId) return;
  const { nodeId, epoch } = task;
  decision.add({ type: 'TaskRecalled', data: { ...ofTask(task, decision.known), nodeId, epoch, cause: 'retirement' } });
}
