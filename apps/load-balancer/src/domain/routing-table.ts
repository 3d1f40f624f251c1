import { invariant } from '@holdfast/kernel';
import type {
  ClusterId,
  EventsOf,
  Incarnation,
  Instant,
  NodeId,
  ServeSpec,
  SystemId,
  TaskId,
  NodeClosed,
  NodeCordoned,
  NodeOpened,
  PlacementHeld,
  PlacementResumed,
  SystemRemovalOrdered,
  TaskAdmitted,
  TaskAssigned,
  TaskCancelled,
  TaskDeferred,
  TaskHeld,
  TaskMoved,
  TaskRecalled,
  TaskRetryScheduled,
  TaskStartConfirmed,
} from '@holdfast/contracts';

import { isServeSpec } from '@holdfast/contracts';

export type TableEvent = EventsOf<
  [
    typeof TaskAdmitted,
    typeof TaskAssigned,
    typeof TaskMoved,
    typeof TaskRecalled,
    typeof TaskHeld,
    typeof TaskStartConfirmed,
    typeof TaskDeferred,
    typeof TaskRetryScheduled,
    typeof TaskCancelled,
    typeof SystemRemovalOrdered,
    typeof NodeOpened,
    typeof NodeCordoned,
    typeof NodeClosed,
    typeof PlacementHeld,
    typeof PlacementResumed,
  ]
>;
type DataOf<Type extends TableEvent['type']> = Extract<TableEvent, { type: Type }>['data'];

export type MoveCause = DataOf<'TaskMoved'>['cause'];
export type AssignCause = DataOf<'TaskAssigned'>['cause'];
export type CordonCause = DataOf<'NodeCordoned'>['cause'];
export type CloseCause = DataOf<'NodeClosed'>['cause'];
export type Brake = DataOf<'PlacementHeld'>['brake'];
export type WaitsFor = DataOf<'TaskHeld'>['waitsFor'];

/** A node that does not serve a task it was given is not asked again for so long, unless nobody else is left. */
export const AVOIDED_MS = 30_000;

export interface TableNode {
  readonly nodeId: NodeId;
  readonly zone: string;
  readonly budget: number;
  readonly state: 'open' | 'cordoned' | 'closed';
  readonly cause: CordonCause | CloseCause | null;
  /** When the state began. */
  readonly since: Instant;
  /** How long it was closed before it was opened last: who was away for a day is home no more. */
  readonly awayMs: number;
}

export interface Task {
  readonly taskId: TaskId;
  readonly systemId: SystemId;
  readonly spec: ServeSpec;
  readonly cost: number;
  /** Highest epoch ordered, and who has it. Facts of other nodes or lower epochs change nothing. */
  readonly epoch: number;
  readonly nodeId: NodeId | null;
  readonly phase: 'pending' | 'assigned' | 'held' | 'running' | 'stopping' | 'retrying';
  /** When the phase began. */
  readonly since: Instant;
  readonly created: boolean;
  readonly home: { readonly nodeId: NodeId; readonly since: Instant } | null;
  readonly avoided: Readonly<Record<string, Instant>>;
  readonly attempts: number;
  readonly notBefore: Instant | null;
  /** Why no node could take it when it was last tried. */
  readonly deferred: Readonly<Record<string, number>> | null;
}

/** Plain objects, so that the state can be kept as a snapshot. */
export interface RoutingTable {
  readonly nodes: Readonly<Record<string, TableNode>>;
  readonly tasks: Readonly<Record<string, Task>>;
  readonly brakes: readonly Brake[];
}

/** What comes with every command: whose table, when, and which agent runs on each node, as far as it was heard. */
export interface Known {
  readonly clusterId: ClusterId;
  readonly at: Instant;
  readonly incarnations: Readonly<Record<string, Incarnation>>;
  /** An agent that answers an order with nothing for so long, while it beats, loses it. */
  readonly takenMs: number;
}

export const emptyTable: RoutingTable = { nodes: {}, tasks: {}, brakes: [] };

export function later(at: Instant, ms: number): Instant {
  return new Date(Date.parse(at) + ms).toISOString();
}

export function msBetween(from: Instant, to: Instant): number {
  return Date.parse(to) - Date.parse(from);
}

export function evolveTable(table: RoutingTable, { type, data }: TableEvent): RoutingTable {
  switch (type) {
    case 'NodeOpened':
      return withNode(
        { ...table, tasks: mapTasks(table.tasks, (task) => backWith(data.nodeId, task)) },
        { type, data },
      );
    case 'NodeCordoned':
      return withNode(table, { type, data });
    case 'NodeClosed':
      return withNode(table, { type, data });
    case 'PlacementHeld':
      return { ...table, brakes: [...table.brakes.filter((brake) => brake !== data.brake), data.brake] };
    case 'PlacementResumed':
      return { ...table, brakes: table.brakes.filter((brake) => brake !== data.brake) };
    case 'TaskAdmitted':
      return { ...table, tasks: { ...table.tasks, [data.taskId]: admitted(data) } };
    case 'TaskCancelled': {
      const { [data.taskId]: _ended, ...others } = table.tasks;
      return { ...table, tasks: others };
    }
    case 'SystemRemovalOrdered':
      return table; // A removal is its system's own story.
    default: {
      const task = table.tasks[data.taskId];
      if (!task) return table;
      return { ...table, tasks: { ...table.tasks, [data.taskId]: taskAfter(task, { type, data } as TaskEvent) } };
    }
  }
}

type NodeEvent = Extract<TableEvent, { type: 'NodeOpened' | 'NodeCordoned' | 'NodeClosed' }>;
type TaskEvent = Exclude<
  TableEvent,
  NodeEvent | { type: 'PlacementHeld' | 'PlacementResumed' | 'TaskAdmitted' | 'TaskCancelled' | 'SystemRemovalOrdered' }
>;

function withNode(table: RoutingTable, event: NodeEvent): RoutingTable {
  const { nodeId } = event.data;
  return { ...table, nodes: { ...table.nodes, [nodeId]: nodeAfter(table.nodes[nodeId], event) } };
}

/** Its owner is back: what kept it from moving is over. */
function backWith(nodeId: NodeId, task: Task): Task {
  return task.nodeId === nodeId && task.deferred ? { ...task, deferred: null } : task;
}

function mapTasks(tasks: RoutingTable['tasks'], change: (task: Task) => Task): RoutingTable['tasks'] {
  return Object.fromEntries(Object.entries(tasks).map(([taskId, task]) => [taskId, change(task)]));
}

function nodeAfter(before: TableNode | undefined, { type, data }: NodeEvent): TableNode {
  const { nodeId, at } = data;
  const known = before ?? { nodeId, zone: '', budget: 1, state: 'closed', cause: null, since: at, awayMs: 0 };
  if (type === 'NodeCordoned') return { ...known, state: 'cordoned', cause: data.cause, since: at };
  if (type === 'NodeClosed') return { ...known, state: 'closed', cause: data.cause, since: at };
  const awayMs = before?.state === 'closed' ? msBetween(before.since, at) : known.awayMs;
  return { nodeId, zone: data.zone, budget: data.budget, state: 'open', cause: null, since: at, awayMs };
}

/** A task that nobody has yet. */
export function newTask(born: Pick<Task, 'taskId' | 'systemId' | 'spec' | 'cost' | 'epoch' | 'since'>): Task {
  const placed = { nodeId: null, phase: 'pending', created: false, home: null } as const;
  return { ...born, ...placed, avoided: {}, attempts: 0, notBefore: null, deferred: null };
}

function admitted({ taskId, spec, cost, lastEpoch, at }: DataOf<'TaskAdmitted'>): Task {
  invariant(isServeSpec(spec), `${taskId} serves no system`);
  return newTask({ taskId, systemId: spec.systemId, spec, cost, epoch: lastEpoch ?? 0, since: at });
}

function taskAfter(task: Task, { type, data }: TaskEvent): Task {
  const { at } = data;
  switch (type) {
    case 'TaskAssigned':
    case 'TaskMoved': {
      const { nodeId, epoch } = data;
      const order = { nodeId, epoch, phase: 'assigned' as const, since: at, home: task.home ?? { nodeId, since: at } };
      if (type === 'TaskAssigned') return { ...task, ...order, notBefore: null, deferred: null };
      const avoided = data.cause === 'nodeDown' ? task.avoided : avoiding(task, data.fromNodeId, at);
      return { ...task, ...order, notBefore: null, deferred: null, avoided };
    }
    case 'TaskHeld':
      return { ...task, phase: 'held', since: at };
    case 'TaskStartConfirmed':
      return { ...task, phase: 'running', since: at, created: true, avoided: {}, attempts: 0 };
    case 'TaskRecalled':
      return { ...task, phase: 'stopping', since: at };
    case 'TaskDeferred':
      return { ...task, deferred: data.blockedBy };
    case 'TaskRetryScheduled': {
      const avoided = task.nodeId ? avoiding(task, task.nodeId, at) : task.avoided;
      return { ...task, phase: 'retrying', since: at, attempts: data.attempt, notBefore: data.notBefore, avoided };
    }
  }
}

function avoiding(task: Task, nodeId: NodeId, at: Instant): Task['avoided'] {
  return { ...task.avoided, [nodeId]: later(at, AVOIDED_MS) };
}
