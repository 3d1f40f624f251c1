import type { NodeId, Placement, ServeSpec } from '@holdfast/contracts';
import { type Decision, ofTask } from './decision';
import { type Candidate, type Choice, place } from './placement';
import {
  type AssignCause,
  later,
  msBetween,
  type MoveCause,
  type RoutingTable,
  type Task,
  type TableNode,
} from './routing-table';

/** Tried again so often while nothing else happens. */
export const RETRY_MS = 30_000;

/** After a day elsewhere a system's home is where it lives now. */
const HOME_LOST_MS = 24 * 3_600_000;

/** The node that the task would go to now. `refusing`: nodes that it shall not go to, come what may. */
export function choose({ table, known }: Decision, task: Task, refusing: readonly NodeId[] = []): Choice {
  const carried = systemsByNode(table, task);
  const candidates = Object.values(table.nodes).map((node) => candidate(node, carried[node.nodeId] ?? 0));
  const barred = candidates.map((node) =>
    node.excludedBy === null && refusing.includes(node.nodeId) ? { ...node, excludedBy: 'declined' } : node,
  );
  const avoiding = barred.map((node) =>
    node.excludedBy === null && isAvoided(task, node.nodeId, known.at) ? { ...node, excludedBy: 'avoided' } : node,
  );
  // When all are avoided, none is: a system stays unserved only when nobody is left.
  const nodes = avoiding.some(({ excludedBy }) => excludedBy === null) ? avoiding : barred;
  return place(
    {
      subject: task.taskId,
      homeId: homeOf(table, task),
      lastOwnerId: task.nodeId,
      systems: Object.keys(table.tasks).length,
    },
    nodes,
  );
}

export function isAvoided(task: Task, nodeId: NodeId, at: string): boolean {
  const until = task.avoided[nodeId];
  return until !== undefined && msBetween(at, until) > 0;
}

function candidate({ nodeId, budget, state, cause }: TableNode, systems: number): Candidate {
  return { nodeId, weight: budget, systems, excludedBy: state === 'open' ? null : (cause ?? state) };
}

/** How many systems each node carries, the task's own left out: it is being placed. */
function systemsByNode({ tasks }: RoutingTable, { taskId }: Task): Record<string, number> {
  const carried: Record<string, number> = {};
  for (const other of Object.values(tasks)) {
    if (other.nodeId && other.taskId !== taskId) carried[other.nodeId] = (carried[other.nodeId] ?? 0) + 1;
  }
  return carried;
}

function homeOf(table: RoutingTable, { home }: Task): NodeId | null {
  if (!home) return null;
  const node = table.nodes[home.nodeId];
  const lost = node && node.awayMs >= HOME_LOST_MS && msBetween(home.since, node.since) > 0;
  return lost ? null : home.nodeId;
}

/** Orders the task of a node at the next epoch; with no node to take it, says why, once. */
export function assign(decision: Decision, task: Task, cause: AssignCause): void {
  const choice = choose(decision, task);
  if (!choice.nodeId) return defer(decision, task, choice);
  const order = orderTo(decision, task, { nodeId: choice.nodeId, placement: choice.placement });
  decision.add({ type: 'TaskAssigned', data: { ...order, cause } });
}

/** Orders the task of another node; false when there is none. The owner is refused, whatever its state. */
export function move(decision: Decision, task: Task, cause: MoveCause): boolean {
  if (!task.nodeId) return false;
  const choice = choose(decision, task, [task.nodeId]);
  if (!choice.nodeId) return false;
  const order = orderTo(decision, task, { nodeId: choice.nodeId, placement: choice.placement });
  decision.add({ type: 'TaskMoved', data: { ...order, fromNodeId: task.nodeId, cause } });
  return true;
}

/** The same order at the same epoch, to whichever agent runs on the node now. */
export function reoffer(decision: Decision, task: Task, nodeId: NodeId): void {
  const order = orderTo(decision, task, { nodeId, placement: null });
  decision.add({ type: 'TaskAssigned', data: { ...order, epoch: task.epoch, cause: 'nodeStarted' } });
}

export function defer(decision: Decision, task: Task, { blockedBy }: Choice): void {
  if (JSON.stringify(task.deferred) === JSON.stringify(blockedBy)) return;
  decision.add({ type: 'TaskDeferred', data: { ...ofTask(task, decision.known), blockedBy: { ...blockedBy } } });
}

export function retryLater(decision: Decision, task: Task, code: string): void {
  const notBefore = later(decision.known.at, RETRY_MS);
  const data = { ...ofTask(task, decision.known), attempt: task.attempts + 1, code, notBefore };
  decision.add({ type: 'TaskRetryScheduled', data });
}

function orderTo({ known }: Decision, task: Task, to: { nodeId: NodeId; placement: Placement | null }) {
  // Whoever takes it may have to make its images: until one node served it, the one before may have died midway.
  const spec: ServeSpec = task.created ? task.spec : { ...task.spec, create: true };
  const nodeIncarnation = known.incarnations[to.nodeId] ?? null;
  return { ...ofTask(task, known), ...to, nodeIncarnation, epoch: task.epoch + 1, spec };
}
