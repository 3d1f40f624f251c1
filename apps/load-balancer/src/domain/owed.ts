import type { TaskId } from '@holdfast/contracts';
import type { Decision } from './decision';
import { assign, choose, defer, move } from './orders';
import { lookUp, valuesOf } from './persistent-map';
import { askForPoint, isUnserved } from './points';
import { cancel, isToEnd } from './recalls';
import type { CloseCause, RoutingTable, TableNode } from './routing-table';
import { type BackgroundTask, isBackground, isServe, type MoveCause, type ServeTask, type Task } from './task';
import { msBetween } from './time';

/** A node that nobody can tell anything works on for so long; then its background work goes on elsewhere. */
export const ISOLATED_MS = 30_000;

/** One decision orders no more than this of background work: the rest follows in the next. */
export const ORDERS_AT_MOST = 200;

/** After so many in a row that find no node, those behind them wait for the next occasion. */
const FRUITLESS_AT_MOST = 50;

const moveFor: Record<CloseCause, MoveCause> = { down: 'nodeDown', impaired: 'impaired', retired: 'operator' };

/**
 * Does what the table owes: tasks of lost nodes move, waiting ones are placed, systems first. It follows every change of
 * nodes and brakes, so whatever was held back is done as soon as nothing forbids it, and nothing in order is touched.
 */
export function settle(decision: Decision): void {
  const tasks = valuesOf(decision.table.tasks);
  for (const task of tasks.filter(isServe)) settleTask(decision, task);
  settleAll(decision, tasks.filter(isBackground));
}

/** Room was made: what waits for some is tried. */
export function placeWaiting(decision: Decision): void {
  const waits = (task: Task): task is BackgroundTask => isBackground(task) && task.phase === 'pending';
  settleAll(decision, valuesOf(decision.table.tasks).filter(waits));
}

function settleAll(decision: Decision, tasks: readonly BackgroundTask[]): void {
  let fruitless = 0;
  for (const task of tasks) {
    if (decision.orders >= ORDERS_AT_MOST) return;
    if (task.phase === 'pending' && fruitless >= FRUITLESS_AT_MOST) continue;
    const before = decision.orders;
    settleTask(decision, task);
    // That a system is not served says nothing about room for the next.
    if (task.phase !== 'pending' || isUnserved(decision, task)) continue;
    fruitless = decision.orders > before ? 0 : fruitless + 1;
  }
}

/** If it is open at all. */
export function settleOpen(decision: Decision, taskId: TaskId): void {
  const task = lookUp(decision.table.tasks, taskId);
  if (task) settleTask(decision, task);
}

export function settleTask(decision: Decision, task: Task): void {
  if (isServe(task)) settleSystem(decision, task);
  else settleBackground(decision, task);
}

function settleSystem(decision: Decision, task: ServeTask): void {
  const owner = ownerOf(decision.table, task);
  const orphaned = owner?.state === 'closed' ? moveFor[owner.cause as CloseCause] : null;
  if (task.phase === 'stopping') return settleStopping(decision, task, orphaned);
  if (decision.held) return;
  if (task.nodeId === null) return assign(decision, task, task.deferred ? 'retry' : 'admitted');
  if (orphaned) return moveOrphan(decision, task, orphaned);
  if (task.phase === 'retrying' && isDue(task, decision.known.at)) assign(decision, task, 'retry');
}

function settleBackground(decision: Decision, task: BackgroundTask): void {
  const lost = lostBy(decision.table, task, decision.known.at);
  if (task.phase === 'stopping') return settleStopping(decision, task, lost);
  if (decision.held) return;
  if (lost) return moveOrphan(decision, task, lost);
  if (task.phase === 'pending') return placeBackground(decision, task);
  if (task.phase === 'retrying' && isDue(task, decision.known.at)) placeBackground(decision, task);
}

/** Its node is gone, so nobody will say that it stopped. */
function settleStopping(decision: Decision, task: Task, lost: MoveCause | null): void {
  if (!lost) return;
  const by = isToEnd(task);
  if (by) cancel(decision, task, by);
  else if (!decision.held) moveOrphan(decision, task, lost);
}

/** A snapshot reads a point: without one, there is nothing yet to read. */
export function placeBackground(decision: Decision, task: BackgroundTask): void {
  if (task.kind === 'snapshot' && !task.frozen) return askForPoint(decision, task);
  assign(decision, task, task.epoch === 0 ? 'admitted' : 'retry');
}

/** Why background work of this node goes on elsewhere: clients may still be served there, but nobody can rely on it. */
export function lostBy(table: RoutingTable, task: BackgroundTask, at: string): MoveCause | null {
  const owner = ownerOf(table, task);
  if (!owner || owner.state === 'open') return null;
  if (owner.state === 'closed') return moveFor[owner.cause as CloseCause];
  if (owner.cause === 'impaired') return 'impaired';
  return owner.cause === 'isolated' && msBetween(owner.since, at) >= ISOLATED_MS ? 'isolated' : null;
}

function ownerOf({ nodes }: RoutingTable, { nodeId }: Task): TableNode | undefined {
  return nodeId ? nodes[nodeId] : undefined;
}

/** With nobody to take it the orphan stays its owner's: should that node come back first, it goes on there. */
function moveOrphan(decision: Decision, task: Task, cause: MoveCause): void {
  if (!move(decision, task, cause)) defer(decision, task, choose(decision, task));
}

function isDue({ notBefore }: Task, at: string): boolean {
  return notBefore !== null && msBetween(notBefore, at) >= 0;
}
