import type {
  BackupDeletionRejected,
  ClusterId,
  EventsOf,
  Incarnation,
  Instant,
  NodeClosed,
  NodeCordoned,
  NodeId,
  NodeDrainRejected,
  NodeOpened,
  PlacementHeld,
  PlacementResumed,
  RebalanceRejected,
  SystemId,
  SystemRemovalOrdered,
  TaskActionRejected,
  TaskAdmitted,
  TaskCancelled,
  TaskCompleted,
  TaskId,
  TaskRejected,
  TasksCheckpointed,
} from '@holdfast/contracts';
import { taskSubjectOf } from '@holdfast/contracts';
import { type Backup, type BackupEvent, backupsAfter, backupsWith, nameOf } from './backups';
import type { DataOf } from './data-of';
import { drainAfter, type Drain, type DrainEvent } from './drain';
import type { Inventory } from './filters';
import { HOME_LOST_MS, subjectKey, type Homes, homesWith, homesWithout, withoutHome } from './homes';
import { emptyMap, lookUp, mapped, type PersistentMap, withoutKey, withValue } from './persistent-map';
import { movesCounted, type Rebalance, rebalanceAfter, type RebalanceEvent } from './rebalance';
import { withoutRetired } from './node-retirement';
import { admitted, checkpointed, isServe, type SnapshotTask, type Task, taskAfter, type TaskEvent } from './task';
import { msBetween } from './time';

/** Answers that change nothing. */
type Refusal = EventsOf<
  [
    typeof TaskRejected,
    typeof TaskActionRejected,
    typeof BackupDeletionRejected,
    typeof NodeDrainRejected,
    typeof RebalanceRejected,
  ]
>;
type NodeEvent = EventsOf<[typeof NodeOpened, typeof NodeCordoned, typeof NodeClosed]>;
export type TableEvent =
  | TaskEvent
  | BackupEvent
  | DrainEvent
  | RebalanceEvent
  | Refusal
  | NodeEvent
  | EventsOf<
      [
        typeof TaskAdmitted,
        typeof TaskCompleted,
        typeof TaskCancelled,
        typeof TasksCheckpointed,
        typeof SystemRemovalOrdered,
        typeof PlacementHeld,
        typeof PlacementResumed,
      ]
    >;

export type CordonCause = DataOf<typeof NodeCordoned>['cause'];
export type CloseCause = DataOf<typeof NodeClosed>['cause'];
export type Brake = DataOf<typeof PlacementHeld>['brake'];

export interface TableNode {
  readonly nodeId: NodeId;
  readonly zone: string;
  readonly budget: number;
  readonly state: 'open' | 'cordoned' | 'closed';
  readonly cause: CordonCause | CloseCause | null;
  /** When the state began. */
  readonly since: Instant;
  /** Until then nothing comes home to it. */
  readonly holdUntil: Instant | null;
  readonly drain: Drain | null;
}

/** A task that is no more; of a snapshot, the name that its point had. */
interface Ended {
  readonly taskId: TaskId;
  readonly point: string | null;
}

/** So many are remembered, so that what is asked of them gets the right answer. */
const ENDED_KEPT = 500;

/** Plain objects, so that the state can be kept as a snapshot. */
export interface RoutingTable {
  readonly nodes: Readonly<Record<string, TableNode>>;
  readonly tasks: PersistentMap<Task>;
  /** The open tasks once more, by kind and subject: there is at most one of each. */
  readonly bySubject: PersistentMap<TaskId>;
  /** By `<systemId>/<pointId>`. */
  readonly backups: PersistentMap<Backup>;
  readonly homes: Homes;
  readonly brakes: readonly Brake[];
  readonly rebalance: Rebalance | null;
  /** The newest last. */
  readonly ended: readonly Ended[];
  readonly checkpointedAt: Instant | null;
}

/** What comes with every command: whose table, when, and which agent runs on each node, as far as it was heard. */
export interface Known {
  readonly clusterId: ClusterId;
  readonly at: Instant;
  readonly incarnations: Readonly<Record<string, Incarnation>>;
  /** An agent that answers an order with nothing for so long, while it beats, loses it. */
  readonly takenMs: number;
  /** What each node's agent reported, as far as it was heard. */
  readonly inventories?: Readonly<Record<string, Inventory>> | undefined;
  /** A person works on them: they may go off at any time, and nobody will declare them down. */
  readonly inMaintenance?: readonly NodeId[] | undefined;
  /** How long running tasks will go on, by the rates that are observed; undefined: they were not heard of yet. */
  readonly leftMs?: ReadonlyMap<TaskId, number> | undefined;
}

export const emptyTable: RoutingTable = {
  nodes: {},
  tasks: emptyMap,
  bySubject: emptyMap,
  backups: emptyMap,
  homes: emptyMap,
  brakes: [],
  rebalance: null,
  ended: [],
  checkpointedAt: null,
};

/** Of this kind, for this subject. */
export function openTask({ tasks, bySubject }: RoutingTable, about: Pick<Task, 'kind' | 'subject'>): Task | undefined {
  const taskId = lookUp(bySubject, subjectKey(about));
  return taskId && lookUp(tasks, taskId);
}

/** What is being made of the system, if anything is. */
export function snapshotOf(table: RoutingTable, systemId: SystemId): SnapshotTask | undefined {
  const task = openTask(table, { kind: 'snapshot', subject: taskSubjectOf('snapshot', { systemId }) });
  return task?.kind === 'snapshot' ? task : undefined;
}

export function evolveTable(table: RoutingTable, event: TableEvent): RoutingTable {
  const nodeId = leftBy(table, event);
  const after = tableAfter(table, event);
  return nodeId ? withoutRetired(after, nodeId) : after;
}

/** The node that may have no task any more, or that was told to be gone. */
function leftBy({ tasks }: RoutingTable, { type, data }: TableEvent): NodeId | null | undefined {
  if (type === 'NodeClosed') return data.nodeId;
  return 'taskId' in data ? lookUp(tasks, data.taskId)?.nodeId : null;
}

function tableAfter(table: RoutingTable, event: TableEvent): RoutingTable {
  const { type, data } = event;
  switch (type) {
    case 'NodeOpened':
      return withNode(backWith(table, data), event);
    case 'NodeCordoned':
    case 'NodeClosed':
      return withNode(table, event);
    case 'NodeDrainStarted':
    case 'NodeDrainStopped':
    case 'NodeDrained':
    case 'NodeDrainOverdue':
      return withDrain(table, event);
    case 'RebalanceStarted':
    case 'RebalanceEnded':
      return { ...table, rebalance: rebalanceAfter(event) };
    case 'PlacementHeld':
      return { ...table, brakes: [...table.brakes.filter((brake) => brake !== data.brake), data.brake] };
    case 'PlacementResumed':
      return { ...table, brakes: table.brakes.filter((brake) => brake !== data.brake) };
    case 'TaskAdmitted': {
      const task = { ...admitted(event), home: lookUp(table.homes, subjectKey(data)) ?? null };
      const bySubject = withValue(table.bySubject, subjectKey(data), data.taskId);
      return { ...table, bySubject, tasks: withValue<Task>(table.tasks, data.taskId, task) };
    }
    case 'TaskCompleted':
      return { ...withoutTask(table, data.taskId), backups: backupsWith(table.backups, event) };
    case 'TaskCancelled':
      return withoutTask(table, data.taskId);
    case 'TasksCheckpointed':
      return withCheckpoints(table, data);
    case 'BackupDeletionOrdered':
      return { ...table, backups: backupsAfter(table.backups, event) };
    case 'BackupDeletionConfirmed':
      return { ...table, backups: backupsAfter(table.backups, event), homes: homesWithout(table.homes, data) };
    case 'SystemRemovalOrdered': // A removal is its system's own story.
      return { ...table, homes: homesWithout(table.homes, { systemId: data.systemId }) };
    case 'TaskRejected':
    case 'TaskActionRejected':
    case 'BackupDeletionRejected':
    case 'NodeDrainRejected':
    case 'RebalanceRejected':
      return table;
    default: {
      const task = lookUp(table.tasks, data.taskId);
      if (!task) return table;
      const rebalance = movesCounted(table.rebalance, event);
      return { ...table, rebalance, tasks: withValue(table.tasks, data.taskId, taskAfter(task, event)) };
    }
  }
}

function withoutTask(table: RoutingTable, taskId: TaskId): RoutingTable {
  const task = lookUp(table.tasks, taskId);
  if (!task) return table;
  const tasks = withoutKey(table.tasks, taskId);
  const bySubject = withoutKey(table.bySubject, subjectKey(task));
  // A system's task has its system's name: it may be there again.
  if (isServe(task)) return { ...table, tasks, bySubject };
  const point = task.kind === 'snapshot' ? nameOf(task.spec) : null;
  const homes = homesWith(table.homes, task);
  return { ...table, tasks, bySubject, homes, ended: [...table.ended, { taskId, point }].slice(-ENDED_KEPT) };
}

function withCheckpoints(table: RoutingTable, { items, at }: DataOf<typeof TasksCheckpointed>): RoutingTable {
  let { tasks } = table;
  for (const item of items) {
    const task = lookUp(tasks, item.taskId);
    if (task) tasks = withValue(tasks, item.taskId, checkpointed(task, item));
  }
  return { ...table, tasks, checkpointedAt: at };
}

function withNode(table: RoutingTable, event: NodeEvent): RoutingTable {
  const { nodeId } = event.data;
  return { ...table, nodes: { ...table.nodes, [nodeId]: nodeAfter(table.nodes[nodeId], event) } };
}

function withDrain(table: RoutingTable, event: DrainEvent): RoutingTable {
  const { nodeId } = event.data;
  const node = table.nodes[nodeId];
  return node
    ? { ...table, nodes: { ...table.nodes, [nodeId]: { ...node, drain: drainAfter(node.drain, event) } } }
    : table;
}

/** An owner is back: what kept its tasks from moving is over. */
function backWith(table: RoutingTable, { nodeId, at }: DataOf<typeof NodeOpened>): RoutingTable {
  const node = table.nodes[nodeId];
  const isHomeNoMore = node?.state === 'closed' && msBetween(node.since, at) >= HOME_LOST_MS;
  const { tasks, homes } = isHomeNoMore ? withoutHome(table, nodeId) : table;
  const isOver = (task: Task) => task.nodeId === nodeId && task.deferred;
  return { ...table, homes, tasks: mapped(tasks, (task) => (isOver(task) ? { ...task, deferred: null } : task)) };
}

function nodeAfter(before: TableNode | undefined, { type, data }: NodeEvent): TableNode {
  const { nodeId, at } = data;
  const unknown = {
    zone: '',
    budget: 1,
    state: 'closed',
    cause: null,
    since: at,
    holdUntil: null,
    drain: null,
  } as const;
  const known = before ?? { nodeId, ...unknown };
  if (type === 'NodeCordoned') return { ...known, state: 'cordoned', cause: data.cause, since: at };
  if (type === 'NodeClosed') return { ...known, state: 'closed', cause: data.cause, since: at };
  const { zone, budget, holdUntil = null } = data;
  return { ...known, zone, budget, state: 'open', cause: null, since: at, holdUntil };
}
