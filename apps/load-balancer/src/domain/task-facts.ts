import type { NodeId, TaskId, TaskResult } from '@holdfast/contracts';
import { assertNever } from '@holdfast/kernel';
import { hold } from './brakes';
import { type Decision, ofTask } from './decision';
import { isAvoided } from './filters';
import { move, reoffer, retryLater } from './orders';
import { placeWaiting } from './owed';
import { lookUp, valuesOf } from './persistent-map';
import { askAgain } from './points';
import { cancel, cancelSnapshotOf, recall, stopped } from './recalls';
import { ATTEMPTS, fail, type Failure } from './retries';
import { type BackgroundTask, isBackground, isServe, type ServeTask, type Task, type WaitsFor } from './task';

interface FromNode {
  readonly nodeId: NodeId;
  readonly taskId: TaskId;
  readonly epoch: number;
}

type Taken = { readonly type: 'NoteTaken'; readonly tookMs: number; readonly manifest?: string | undefined } & FromNode;
type Declined = { readonly type: 'NoteDeclined'; readonly code: string; readonly highestEpoch: number } & FromNode;
type Finished = {
  readonly type: 'NoteFinished';
  readonly result: TaskResult;
  readonly doneBytes: number;
  readonly durationMs: number;
} & FromNode;

/** What agents tell of the tasks they were given. */
export type TaskFact =
  | Taken
  | ({ readonly type: 'NoteBlocked'; readonly waitsFor: WaitsFor } & FromNode)
  | Declined
  | ({ readonly type: 'NoteFaulted' } & Failure & FromNode)
  | ({ readonly type: 'NoteStopped'; readonly token: string | null; readonly doneBytes: number } & FromNode)
  | Finished;

export type FactCommand =
  TaskFact | { readonly type: 'NoteEpochAhead'; readonly highestEpoch: number; readonly grantedEpoch: number };

/** A fact of another node than the owner, or of another epoch than the last, is late: it changes nothing. */
export function heardFromNode(decision: Decision, fact: TaskFact): void {
  const task = lookUp(decision.table.tasks, fact.taskId);
  if (!task || task.nodeId !== fact.nodeId || task.epoch !== fact.epoch) return;
  if (isAhead(fact)) return hold(decision, 'storeRegressed');
  if (task.phase === 'stopping') heardWhileStopping(decision, task, fact);
  else heardOf(decision, task, fact);
  // The node has room again for what waits for some.
  const after = lookUp(decision.table.tasks, fact.taskId);
  if (after?.nodeId !== fact.nodeId && !decision.held) placeWaiting(decision);
}

/** The node has obeyed a higher epoch than was ever ordered: the store went back. */
function isAhead(fact: TaskFact): boolean {
  return fact.type === 'NoteDeclined' && fact.code === 'STALE_EPOCH' && fact.highestEpoch > fact.epoch;
}

function heardOf(decision: Decision, task: Task, fact: TaskFact): void {
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
    case 'NoteFinished':
      return isServe(task) ? undefined : finished(decision, task, fact);
    default:
      return assertNever(fact);
  }
}

/** Whatever it says, but that it took or awaits it just before it heard the recall: it does not carry it any more. */
function heardWhileStopping(decision: Decision, task: Task, fact: TaskFact): void {
  if (fact.type === 'NoteTaken' || fact.type === 'NoteBlocked') return;
  if (fact.type === 'NoteFinished' && !isServe(task)) return finished(decision, task, fact);
  stopped(decision, task, fact.type === 'NoteStopped' ? fact : null);
}

function taken(decision: Decision, task: Task, { nodeId, epoch, tookMs, manifest }: Taken): void {
  if (task.phase === 'running') return;
  const created = isServe(task) && !task.created;
  const data = { ...ofTask(task, decision.known), nodeId, epoch, tookMs, created, ...(manifest ? { manifest } : {}) };
  decision.add({ type: 'TaskStartConfirmed', data });
  if (isServe(task)) askAgain(decision, task.systemId);
}

/** It waits for the lock of an owner asleep, or for the address: never forced, never given up by time. */
function blocked(decision: Decision, task: Task, waitsFor: WaitsFor): void {
  if (task.phase !== 'assigned' || !task.nodeId) return;
  const { nodeId, epoch } = task;
  decision.add({ type: 'TaskHeld', data: { ...ofTask(task, decision.known), nodeId, epoch, waitsFor } });
}

function declined(decision: Decision, task: Task, fact: Declined): void {
  if (task.phase !== 'assigned' && task.phase !== 'held') return; // Told twice.
  if (isServe(task) && !task.created && isHopeless(fact.code)) return failCreation(decision, task);
  if (!decision.held && anotherIsWilling(decision, task) && move(decision, task, 'declined')) return;
  if (!isServe(task)) return fail(decision, task, { errorClass: 'node', code: fact.code });
  if (!task.created && !decision.held) return failCreation(decision, task);
  retryLater(decision, task, fact.code);
}

const HOPELESS = ['NO_SPACE', 'MEDIUM_INVALID', 'BACKUP_DAMAGED'] as const;

/** No other node would find it otherwise: they share the medium. */
export function isHopeless(code: string): code is (typeof HOPELESS)[number] {
  return (HOPELESS as readonly string[]).includes(code);
}

function failCreation(decision: Decision, task: ServeTask): void {
  cancelSnapshotOf(decision, task, 'creationFailed');
  cancel(decision, task, 'creationFailed');
}

function faulted(decision: Decision, task: Task, fault: Failure): void {
  if (!isServe(task)) return fail(decision, task, fault);
  if (task.phase === 'retrying') return; // Told twice.
  const elsewhere = fault.errorClass === 'node' && !decision.held && anotherIsWilling(decision, task);
  if (elsewhere && move(decision, task, 'impaired')) return;
  retryLater(decision, task, fault.code);
}

/** This attempt, and no other, is the result. */
function finished(decision: Decision, task: BackgroundTask, fact: Finished): void {
  const { nodeId, epoch, result, doneBytes, durationMs } = fact;
  const fitting = 'volumes' in result === (task.kind === 'snapshot');
  if (!fitting) return fail(decision, task, { errorClass: 'subject', code: 'RESULT_INVALID' });
  const { systemId, pointId } = task.kind === 'scrub' ? task.spec.backup : task.spec;
  const about = { ...ofTask(task, decision.known), nodeId, epoch, systemId, pointId };
  decision.add({ type: 'TaskCompleted', data: { ...about, result, doneBytes, durationMs } });
}

/** Open, not the owner, and not one that was tried within the last 30 s: or the two would pass it to and fro. */
export function anotherIsWilling({ table, known }: Decision, task: Task): boolean {
  return Object.values(table.nodes).some(
    ({ nodeId, state }) => state === 'open' && nodeId !== task.nodeId && !isAvoided(task, nodeId, known.at),
  );
}

/** A new agent knows its orders by its journal only as far as that was kept, and its workers ended with the old one. */
export function reofferTasks(decision: Decision, nodeId: NodeId): void {
  for (const task of valuesOf(decision.table.tasks)) {
    if (task.nodeId !== nodeId) continue;
    if (task.phase === 'stopping') reofferStop(decision, task);
    else if (isBackground(task) && endsItsAgent(task))
      fail(decision, task, { errorClass: 'node', code: 'AGENT_ENDED' });
    else if (task.phase !== 'retrying') reoffer(decision, task, nodeId);
  }
  // What ended with the old agent made room.
  if (!decision.held) placeWaiting(decision);
}

/** It began so often, and its agent ended each time before it came any further: it may well be the cause. */
function endsItsAgent({ phase, attempts }: BackgroundTask): boolean {
  return phase === 'running' && attempts >= ATTEMPTS;
}

function reofferStop(decision: Decision, task: Task): void {
  const { cause, toNodeId } = task.recall ?? { cause: 'retirement' as const, toNodeId: null };
  if (isServe(task)) recall(decision, task, { cause, toNodeId: toNodeId ?? undefined });
  else stopped(decision, task);
}
