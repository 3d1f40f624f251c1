import type { NodeId, Placement, Resume } from '@holdfast/contracts';
import { type Decision, ofTask } from './decision';
import { filterOf, reluctanceOf } from './filters';
import { placesOf } from './load';
import { type Choice, place } from './placement';
import { type RoutingTable, snapshotOf } from './routing-table';
import { type AssignCause, isServe, type MoveCause, type ServeTask, type Task } from './task';
import { later } from './time';

/** Tried again so often while nothing else happens. */
export const RETRY_MS = 30_000;

/** What is to be placed, as far as a place depends on it. */
type ToPlace = Pick<
  Task,
  'taskId' | 'kind' | 'subject' | 'cost' | 'nodeId' | 'lastOwnerId' | 'home' | 'recall' | 'avoided'
>;

/** The node that the task would go to now. `refusing`: nodes that it shall not go to, come what may. */
export function choose({ table, known, loads }: Decision, task: ToPlace, refusing: readonly NodeId[] = []): Choice {
  const load = loads.for(task);
  return place(
    {
      subject: task.kind === 'serve' ? task.taskId : task.subject,
      // On its way it has room there already.
      homeId: task.recall?.toNodeId ?? task.home,
      lastOwnerId: task.nodeId ?? task.lastOwnerId,
      carriedBy: placesOf(task),
      cost: task.cost,
      total: load.total,
      limits: load.limits,
      excludes: ({ nodeId }) =>
        filterOf(table.nodes[nodeId], task, known) ?? (refusing.includes(nodeId) ? 'declined' : null),
      avoids: ({ nodeId }) => reluctanceOf(table.nodes[nodeId], task, known),
    },
    load.candidates,
  );
}

/** Where it would go though it could stay: not to a node that a person works on, for that may be off. */
export function chooseToLeave(decision: Decision, task: Task): Choice {
  return choose(decision, task, refusedByWill(decision, task));
}

function refusedByWill({ known: { inMaintenance = [] } }: Decision, { nodeId }: Task): readonly NodeId[] {
  return nodeId ? [nodeId, ...inMaintenance] : inMaintenance;
}

/** Orders the task of a node at the next epoch; with no node to take it, says why, once. */
export function assign(decision: Decision, task: Task, cause: AssignCause): void {
  const choice = preferred(decision, task) ?? choose(decision, task);
  if (!choice.nodeId) return defer(decision, task, choice);
  const order = orderTo(decision, task, { nodeId: choice.nodeId, placement: choice.placement });
  decision.add({ type: 'TaskAssigned', data: { ...order, cause } });
}

/** The node that was only busy, if it has room for it still: what was read there may be in its cache. */
function preferred(decision: Decision, task: Task): Choice | null {
  if (!task.prefersId) return null;
  const choice = choose(decision, task, othersThan(decision.table, task.prefersId));
  return choice.nodeId ? choice : null;
}

/** Orders the task of another node; false when there is none. The owner is refused, whatever its state. */
export function move(decision: Decision, task: Task, cause: MoveCause): boolean {
  return task.nodeId !== null && moveUnless(decision, task, { refusing: [task.nodeId], cause });
}

/** The same where it could stay: of no node that a person works on. */
export function moveByWill(decision: Decision, task: Task, cause: MoveCause): boolean {
  return task.nodeId !== null && moveUnless(decision, task, { refusing: refusedByWill(decision, task), cause });
}

/** The same, of this node alone. */
export function moveTo(
  decision: Decision,
  task: Task,
  { nodeId, cause }: { nodeId: NodeId; cause: MoveCause },
): boolean {
  return moveUnless(decision, task, { refusing: othersThan(decision.table, nodeId), cause });
}

/** Whether this node could take the task. */
export function fits(decision: Decision, task: Task, nodeId: NodeId): boolean {
  return choose(decision, task, othersThan(decision.table, nodeId)).nodeId === nodeId;
}

function othersThan({ nodes }: RoutingTable, nodeId: NodeId): NodeId[] {
  return Object.values(nodes).flatMap((node) => (node.nodeId === nodeId ? [] : [node.nodeId]));
}

function moveUnless(
  decision: Decision,
  task: Task,
  { refusing, cause }: { refusing: readonly NodeId[]; cause: MoveCause },
) {
  const { nodeId, placement } = choose(decision, task, refusing);
  if (!nodeId || !task.nodeId) return false;
  const order = orderTo(decision, task, { nodeId, placement });
  decision.add({ type: 'TaskMoved', data: { ...order, fromNodeId: task.nodeId, cause } });
  return true;
}

/** To whichever agent runs on the node now: a system at its epoch, for it is served; other work begins a new attempt. */
export function reoffer(decision: Decision, task: Task, nodeId: NodeId): void {
  const order = orderTo(decision, task, { nodeId, placement: null });
  const epoch = isServe(task) ? task.epoch : order.epoch;
  decision.add({ type: 'TaskAssigned', data: { ...order, epoch, cause: 'nodeStarted' } });
}

/** It goes on where it was, at the next epoch: it had been told to stop. */
export function keep(decision: Decision, task: Task, nodeId: NodeId): void {
  const order = orderTo(decision, task, { nodeId, placement: null });
  decision.add({ type: 'TaskAssigned', data: { ...order, cause: 'kept' } });
}

export function defer(decision: Decision, task: Task, { blockedBy }: Pick<Choice, 'blockedBy'>): void {
  if (JSON.stringify(task.deferred) === JSON.stringify(blockedBy)) return;
  decision.add({ type: 'TaskDeferred', data: { ...ofTask(task, decision.known), blockedBy: { ...blockedBy } } });
}

/** A system is tried again for ever. */
export function retryLater(decision: Decision, task: Task, code: string): void {
  const notBefore = later(decision.known.at, RETRY_MS);
  const data = { ...ofTask(task, decision.known), attempt: task.attempts + 1, code, notBefore };
  decision.add({ type: 'TaskRetryScheduled', data });
}

function orderTo({ table, known }: Decision, task: Task, to: { nodeId: NodeId; placement: Placement | null }) {
  const nodeIncarnation = known.incarnations[to.nodeId] ?? null;
  const order = { ...ofTask(task, known), ...to, nodeIncarnation, epoch: task.epoch + 1 };
  if (isServe(task)) return { ...order, spec: serveSpec(table, task) };
  return { ...order, spec: task.spec, ...resumeOf(task) };
}

/** Where the next attempt begins, if the one before came anywhere. */
export function resumeOf(task: Task): { resume?: Resume } {
  if (isServe(task) || !task.checkpoint) return {};
  const { epoch: fromEpoch, token, doneBytes } = task.checkpoint;
  return { resume: { fromEpoch, token, doneBytes } };
}

function serveSpec(table: RoutingTable, { systemId, spec, created }: ServeTask): ServeTask['spec'] {
  const { fromBackup, ...plain } = spec;
  const snapshot = snapshotOf(table, systemId);
  const pinned = snapshot ? { ...plain, pinnedBy: [snapshot.taskId] } : plain;
  // Whoever takes it may have to make its images: until one node served it, the one before may have died midway.
  return created ? pinned : { ...pinned, ...(fromBackup ? { fromBackup } : {}), create: true };
}
