import { type Instant, type NodeId, serveTaskOf, type SystemId, type TaskId } from '@holdfast/contracts';
import { type Decision, ofTask } from './decision';
import { choose, defer } from './orders';
import { lookUp } from './persistent-map';
import { fail } from './retries';
import { type RoutingTable, snapshotOf } from './routing-table';
import type { SnapshotTask, Task } from './task';

/* A snapshot's point: frozen and pinned by the node that serves the system, before anybody reads it. */

/** A node that says nothing of a point it was told to freeze may have died over it. */
export const FROZEN_MS = 10_000;

interface AboutPoint {
  readonly nodeId: NodeId;
  readonly taskId: TaskId;
  /** The serving epoch. */
  readonly epoch: number;
}

export type PointFact =
  | ({ readonly type: 'NotePointFrozen'; readonly k: number; readonly frozenAt: Instant } & AboutPoint)
  | ({ readonly type: 'NotePointRefused'; readonly code: string } & AboutPoint);

/** A node must have room to read it first: a pinned point that nobody reads only costs. */
export function askForPoint(decision: Decision, task: SnapshotTask): void {
  const serving = servingOf(decision.table, task.systemId);
  if (!serving) return defer(decision, task, { blockedBy: { notServed: 1 } });
  const reader = choose(decision, task);
  if (reader.nodeId) orderPoint(decision, task, serving);
  else defer(decision, task, reader);
}

/** It waits for its system, and for no node's room. */
export function isUnserved({ table }: Decision, task: Task): boolean {
  return task.kind === 'snapshot' && !task.frozen && !servingOf(table, task.systemId);
}

/** Whoever serves now has no order of the one before. If that one had frozen it, the answer comes at once. */
export function askAgain(decision: Decision, systemId: SystemId): void {
  const serving = servingOf(decision.table, systemId);
  if (!serving || decision.held) return;
  const task = snapshotOf(decision.table, systemId);
  if (!task || task.frozen) return;
  if (task.phase === 'pending') askForPoint(decision, task);
  else if (task.phase === 'freezing' || task.phase === 'retrying') orderPoint(decision, task, serving);
}

interface Serving {
  readonly nodeId: NodeId;
  readonly epoch: number;
}

function servingOf({ tasks, nodes }: RoutingTable, systemId: SystemId): Serving | undefined {
  const serve = lookUp(tasks, serveTaskOf(systemId));
  if (serve?.phase !== 'running' || !serve.nodeId || nodes[serve.nodeId]?.state === 'closed') return undefined;
  return { nodeId: serve.nodeId, epoch: serve.epoch };
}

function orderPoint(decision: Decision, { taskId, systemId, spec }: SnapshotTask, { nodeId, epoch }: Serving): void {
  const { clusterId, at } = decision.known;
  const { pointId } = spec;
  decision.add({ type: 'PointOrdered', data: { clusterId, taskId, systemId, pointId, nodeId, epoch, at } });
}

/** A fact of another node, or of a serving epoch before the last that was asked, is late: it changes nothing. */
export function heardOfPoint(decision: Decision, fact: PointFact): void {
  const task = lookUp(decision.table.tasks, fact.taskId);
  if (task?.kind !== 'snapshot' || task.phase !== 'freezing') return;
  if (task.freeze?.nodeId !== fact.nodeId || task.freeze.epoch !== fact.epoch) return;
  if (fact.type === 'NotePointRefused') {
    // A point that is gone stays gone.
    const errorClass = fact.code === 'POINT_GONE' ? 'subject' : 'busy';
    return fail(decision, task, { errorClass, code: fact.code });
  }
  const { systemId, spec } = task;
  const frozen = { systemId, pointId: spec.pointId, k: fact.k, frozenAt: fact.frozenAt };
  decision.add({ type: 'PointConfirmed', data: { ...ofTask(task, decision.known), ...frozen } });
}
