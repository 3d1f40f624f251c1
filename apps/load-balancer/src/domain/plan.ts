import type { NodeId, PlacementChange, PlacementPlan, PlanStep, TaskId } from '@holdfast/contracts';
import { Decision } from './decision';
import { endsInTime } from './drain-steps';
import { choose } from './orders';
import { lookUp, mapped, valuesOf } from './persistent-map';
import { planDigest, type PlannedChange } from './plan-digest';
import { findingsOf } from './plan-findings';
import { fullness, maxOverFair } from './rebalance';
import { Rehearsal } from './rehearsal';
import type { Known, RoutingTable, TableEvent } from './routing-table';
import type { Task } from './task';
import { later } from './time';

const SHOWN_STEPS = 1_000;
const SHOWN_FINDINGS = 100;

/** What is done to whom, and the table after it. */
export interface Outcome {
  readonly change: PlannedChange;
  readonly before: RoutingTable;
  readonly after: RoutingTable;
  readonly steps: readonly PlanStep[];
}

export function planDrain(
  table: RoutingTable,
  known: Known,
  { nodeId, deadlineMs }: { nodeId: NodeId; deadlineMs: number },
): PlacementPlan {
  const window = { since: known.at, deadlineAt: later(known.at, deadlineMs) };
  const finishing = valuesOf(table.tasks).filter((task) => task.nodeId === nodeId && endsInTime(task, window, known));
  const rehearsal = Rehearsal.settled(without(table, finishing), known);
  rehearsal.run({ type: 'DrainForMaintenance', nodeId, deadlineMs });
  const left = valuesOf(rehearsal.table.tasks).filter((task) => task.nodeId === nodeId);
  const steps = [
    ...finishing.map((task) => ({ ...about(task), does: 'finish' as const, toNodeId: null, reconnects: false })),
    ...movesIn(rehearsal.events).filter(({ fromNodeId }) => fromNodeId === nodeId),
    ...left.map((task) => waiting(rehearsal.table, known, task)),
  ];
  return planOf({ change: { type: 'drain', nodeId }, before: table, after: rehearsal.table, steps });
}

export function planRebalance(table: RoutingTable, known: Known): PlacementPlan {
  const rehearsal = Rehearsal.settled({ ...table, rebalance: null }, known);
  rehearsal.run({ type: 'LevelOut', asked: null });
  const steps = movesIn(rehearsal.events);
  return planOf({
    change: { type: 'rebalance', clusterId: known.clusterId },
    before: table,
    after: rehearsal.table,
    steps,
  });
}

/** The loss of a node, or one more like another. */
export function planChange(table: RoutingTable, known: Known, change: PlacementChange): PlacementPlan {
  const rehearsal = Rehearsal.settled(table, known);
  if (change.type === 'loss') rehearsal.run({ type: 'CloseNode', nodeId: change.nodeId, cause: 'down' });
  else rehearsal.run(joining(table, change.likeNodeId));
  // One decision orders only so much.
  for (let seen = -1; rehearsal.events.length > seen;) {
    seen = rehearsal.events.length;
    rehearsal.run({ type: 'Settle' });
  }
  if (change.type === 'join') rehearsal.run({ type: 'LevelByItself' });
  const steps = [...movesIn(rehearsal.events), ...waitingIn(rehearsal.table, known)];
  return planOf({ change, before: table, after: rehearsal.table, steps });
}

function joining({ nodes }: RoutingTable, likeNodeId: NodeId) {
  const { zone = '', budget = 1 } = nodes[likeNodeId] ?? {};
  const nodeId = `${likeNodeId.slice(0, 36)}-new` as NodeId;
  return { type: 'OpenNode', nodeId, zone, budget } as const;
}

function without(table: RoutingTable, ended: readonly Task[]): RoutingTable {
  const gone = new Set<TaskId>(ended.map(({ taskId }) => taskId));
  return { ...table, tasks: mapped(table.tasks, (task) => (gone.has(task.taskId) ? undefined : task)) };
}

function planOf(outcome: Outcome): PlacementPlan {
  const { change, before, after, steps } = outcome;
  const waits = steps.filter(({ does, kind }) => does === 'wait' && kind !== 'serve');
  return {
    planDigest: planDigest(change, steps),
    steps: steps.slice(0, SHOWN_STEPS),
    findings: findingsOf(outcome).slice(0, SHOWN_FINDINGS),
    more: Math.max(0, steps.length - SHOWN_STEPS),
    reconnects: steps.filter(({ reconnects }) => reconnects).length,
    shortfall: waits.reduce((sum, { taskId }) => sum + (lookUp(before.tasks, taskId)?.cost ?? 0), 0),
    maxOverFair: { now: maxOverFair(fullness(before)), after: maxOverFair(fullness(after)) },
  };
}

/** Each task's way, in the order in which they begin. */
function movesIn(events: readonly TableEvent[]): PlanStep[] {
  return events.flatMap((event): PlanStep[] => {
    if (event.type !== 'TaskMoved' && !(event.type === 'TaskAssigned' && event.data.cause !== 'kept')) return [];
    const { taskId, kind, subject, nodeId: toNodeId } = event.data;
    const fromNodeId = event.type === 'TaskMoved' ? event.data.fromNodeId : null;
    const stops = kind !== 'serve' && (event.data.cause === 'drain' || event.data.cause === 'rebalance');
    const does = stops ? 'recall' : 'move';
    return [{ does, taskId, kind, subject, fromNodeId, toNodeId, reconnects: kind === 'serve' && fromNodeId !== null }];
  });
}

/** What has no node, or a lost one. */
function waitingIn(table: RoutingTable, known: Known): PlanStep[] {
  return valuesOf(table.tasks)
    .filter(({ nodeId, phase }) => (nodeId ? table.nodes[nodeId]?.state === 'closed' : phase === 'pending'))
    .map((task) => waiting(table, known, task));
}

function waiting(table: RoutingTable, known: Known, task: Task): PlanStep {
  const refusing = task.nodeId ? [task.nodeId] : [];
  const { blockedBy } = choose(new Decision(table, known), task, refusing);
  return { ...about(task), does: 'wait', toNodeId: null, reconnects: false, blockedBy: { ...blockedBy } };
}

function about({ taskId, kind, subject, nodeId }: Task) {
  return { taskId, kind, subject, fromNodeId: nodeId };
}
