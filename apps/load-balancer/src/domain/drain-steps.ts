import type { Instant, NodeId } from '@holdfast/contracts';
import { type Decision, ofTask } from './decision';
import type { Drain } from './drain';
import { chooseToLeave, move, moveByWill } from './orders';
import { settleTask } from './owed';
import { valuesOf } from './persistent-map';
import { isToEnd, recall } from './recalls';
import type { Known, RoutingTable, TableNode } from './routing-table';
import { isBackground, isServe, type ServeTask, type Task } from './task';
import { msBetween } from './time';

/** What ends by itself within so long of the drain's start is left to finish. */
const FINISHING_MS = 3 * 60_000;

/** Of one node's background tasks, so many are stopped at a time: the others go on working. */
const RECALLS_AT_ONCE = 4;

/** What draining nodes owe next: it follows every change of the table, so that each step waits for the one before. */
export function drainOn(decision: Decision): void {
  for (const node of Object.values(decision.table.nodes)) {
    if (node.drain && node.drain.state !== 'drained') drainNode(decision, node, node.drain);
  }
}

function drainNode(decision: Decision, { nodeId, state }: TableNode, drain: Drain): void {
  const { clusterId, at } = decision.known;
  const overdue = msBetween(drain.deadlineAt, at) >= 0;
  // Of one that is lost nothing can be recalled: all of it moves anyway.
  if (!decision.held && state !== 'closed') {
    if (overdue && drain.force) moveAll(decision, nodeId);
    else recallNext(decision, nodeId, drain);
  }
  const left = tasksOn(decision, nodeId).map(({ taskId }) => taskId);
  if (left.length === 0) decision.add({ type: 'NodeDrained', data: { clusterId, nodeId, at } });
  else if (overdue && drain.state === 'draining') {
    decision.add({ type: 'NodeDrainOverdue', data: { clusterId, nodeId, left: left.slice(0, 1_000), at } });
  }
}

/** Background work first, each piece at its checkpoint, what ends soon not at all; systems last, for clients feel those. */
function recallNext(decision: Decision, nodeId: NodeId, drain: Drain): void {
  const tasks = tasksOn(decision, nodeId);
  const background = tasks.filter(isBackground);
  let leaving = background.filter(isStopping).length;
  const finishing = background.filter((task) => !isStopping(task) && endsInTime(task, drain, decision.known));
  for (const task of background) {
    if (leaving >= RECALLS_AT_ONCE) return;
    if (!isStopping(task) && !finishing.includes(task) && recallAway(decision, task)) leaving += 1;
  }
  if (leaving === 0 && finishing.length === 0) recallNextSystem(decision, tasks.filter(isServe), nodeId);
}

/** One at a time: the next when the one before is served elsewhere, or waits there for what nobody may force. */
function recallNextSystem(decision: Decision, systems: readonly ServeTask[], nodeId: NodeId): void {
  if (systems.some(isStopping) || isUnderway(decision, nodeId)) return;
  for (const task of systems) {
    if (task.phase === 'retrying' && move(decision, task, 'drain')) return;
    // One that its node is about to take is taken first: an order and its recall would overtake each other.
    if ((task.phase === 'running' || task.phase === 'held') && recallAway(decision, task)) return;
  }
}

/**
 * A system that left this node and that nobody has taken yet. One that is held is not waited for: as long as the owner of
 * its lock sleeps, that would keep all others here.
 */
function isUnderway({ table }: Decision, fromNodeId: NodeId): boolean {
  return valuesOf(table.tasks).some((task) => isServe(task) && task.phase === 'assigned' && fromNodeId in task.avoided);
}

/** False when there is no room anywhere else: it is left where it works. */
function recallAway(decision: Decision, task: Task): boolean {
  const { nodeId: toNodeId } = chooseToLeave(decision, task);
  if (!toNodeId) return false;
  recall(decision, task, { cause: 'drain', toNodeId });
  return true;
}

/** The deadline is past, and a person said what then: attempts and claims fence whoever has not stopped. */
function moveAll(decision: Decision, nodeId: NodeId): void {
  for (const task of tasksOn(decision, nodeId)) {
    if (isToEnd(task) || moveByWill(decision, task, 'drain') || isServe(task)) continue;
    const data = { ...ofTask(task, decision.known), attempt: task.attempts, code: 'DRAINED' };
    const { at: notBefore } = decision.known;
    decision.add({ type: 'TaskRetryScheduled', data: { ...data, errorClass: 'node', notBefore } });
    settleTask(decision, decision.task(task.taskId));
  }
}

/** By the rate at which it comes forward now. */
export function endsInTime(
  task: Task,
  { since, deadlineAt }: Pick<Drain, 'since' | 'deadlineAt'>,
  known: Known,
): boolean {
  const leftMs = known.leftMs?.get(task.taskId);
  if (!isBackground(task) || task.phase !== 'running' || leftMs === undefined) return false;
  // What stands still never ends: there is no instant for that, but a comparison.
  return leftMs <= FINISHING_MS - msBetween(since, known.at) && leftMs <= msBetween(known.at, deadlineAt);
}

/** Each is to be looked at when it comes. */
export function deadlinesAfter({ nodes }: Pick<RoutingTable, 'nodes'>, at: Instant): Instant[] {
  return Object.values(nodes).flatMap(({ drain }) =>
    drain?.state === 'draining' && msBetween(at, drain.deadlineAt) > 0 ? [drain.deadlineAt] : [],
  );
}

/** What was to finish may be late: as long as anything is left, it is looked at from time to time. */
export function isDraining({ nodes }: Pick<RoutingTable, 'nodes'>): boolean {
  return Object.values(nodes).some(({ drain }) => drain && drain.state !== 'drained');
}

function tasksOn({ table }: Decision, nodeId: NodeId): Task[] {
  return valuesOf(table.tasks).filter((task) => task.nodeId === nodeId);
}

const isStopping = ({ phase }: Task) => phase === 'stopping';
