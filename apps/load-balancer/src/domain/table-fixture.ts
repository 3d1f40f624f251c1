import {
  type ClusterId,
  isServeSpec,
  type NodeId,
  type SystemId,
  serveTaskOf,
  type TaskSpec,
} from '@holdfast/contracts';
import { subjectKey } from './homes';
import { lookUp, withValue } from './persistent-map';
import type { Known, RoutingTable, TableEvent } from './routing-table';
import { routingTableDecider, type TableAction } from './routing-table.decider';
import { grantsFor } from './grants.policy';
import { systemDecider, type System, type SystemCommand } from './system.decider';
import type { Task } from './task';

export const T0 = Date.parse('2026-01-01T00:00:00.000Z');
export const C1 = 'c1' as ClusterId;
const VOLUMES = [{ volumeId: 'v1' as never, sizeBytes: 1024 }];
export const node = (nodeId: string) => nodeId as NodeId;
export const taskOf = (systemId: string) => serveTaskOf(systemId as SystemId);

/** The table of cluster c1 and its systems' streams, decided together as the process does it, on a clock set by hand. */
export class FixtureTable {
  table: RoutingTable = routingTableDecider.initial;
  systems: Record<string, System> = {};
  history: TableEvent[] = [];
  clock = T0;
  /** What samples say of how long tasks will go on. */
  leftMs: Record<string, number> = {};
  /** Nodes that people work on. */
  inMaintenance: NodeId[] = [];

  static withNodes(...nodeIds: string[]): FixtureTable {
    const fixture = new FixtureTable();
    for (const nodeId of nodeIds) fixture.open(nodeId);
    return fixture;
  }

  get at(): string {
    return new Date(this.clock).toISOString();
  }

  wait(ms: number): this {
    this.clock += ms;
    return this;
  }

  get known(): Known {
    return {
      clusterId: C1,
      at: this.at,
      incarnations: {},
      takenMs: 5_000,
      leftMs: new Map(Object.entries(this.leftMs)) as never,
      inMaintenance: this.inMaintenance,
    };
  }

  /** What the command led to, one line per event. */
  do(action: TableAction): string[] {
    const events = routingTableDecider.decide({ ...action, ...this.known }, this.table);
    this.table = events.reduce((state, event) => routingTableDecider.evolve(state, event), this.table);
    this.history.push(...events);
    for (const grant of grantsFor(events)) this.tellSystem(grant);
    return events.map(lineOf);
  }

  /** As if they had come to be like this. */
  put(...tasks: Task[]): this {
    for (const task of tasks) {
      const bySubject = withValue(this.table.bySubject, subjectKey(task), task.taskId);
      this.table = { ...this.table, bySubject, tasks: withValue(this.table.tasks, task.taskId, task) };
    }
    return this;
  }

  tellSystem(command: SystemCommand): string[] {
    const before = this.systems[command.systemId] ?? systemDecider.initial;
    const events = systemDecider.decide(command, before);
    this.systems[command.systemId] = events.reduce((state, event) => systemDecider.evolve(state, event), before);
    return events.map(({ type }) => type);
  }

  open(nodeId: string, budget = 100): string[] {
    return this.do({ type: 'OpenNode', nodeId: node(nodeId), zone: 'z1', budget });
  }

  close(nodeId: string, cause: 'down' | 'impaired' | 'retired' = 'down'): string[] {
    return this.do({ type: 'CloseNode', nodeId: node(nodeId), cause });
  }

  tellRegistered(name: string): void {
    const offer = { nodes: 1, address: '10.0.0.1' };
    const requestId = '00000000-0000-4000-8000-000000000001' as never;
    const asked = { systemId: name as SystemId, clusterId: C1, volumes: VOLUMES, offer, requestId, at: this.at };
    this.tellSystem({ type: 'RegisterSystem', ...asked });
  }

  /** Registers and admits a system. */
  admit(name: string): string[] {
    const systemId = name as SystemId;
    this.tellRegistered(name);
    const lastEpoch = this.systems[name]?.epoch ?? 0;
    return this.do({ type: 'AdmitSystem', spec: { systemId, address: '10.0.0.1', volumes: VOLUMES }, lastEpoch });
  }

  /** The fact of the node that owns the system now, at the epoch ordered last. */
  owner(name: string): { nodeId: NodeId; taskId: ReturnType<typeof taskOf>; epoch: number } {
    const task = this.task(name);
    return { nodeId: task.nodeId as NodeId, taskId: task.taskId, epoch: task.epoch };
  }

  task(name: string) {
    const task = lookUp(this.table.tasks, taskOf(name));
    if (!task) throw new RangeError(`no task for ${name}`);
    return task;
  }

  take(name: string): string[] {
    return this.do({ type: 'NoteTaken', ...this.owner(name), tookMs: 40 });
  }

  decline(name: string, code: string, highestEpoch = 0): string[] {
    return this.do({ type: 'NoteDeclined', ...this.owner(name), code, highestEpoch });
  }

  /** A system that is served. */
  serve(name: string): this {
    this.admit(name);
    this.take(name);
    return this;
  }
}

/** s1 is served by n1: alone at first, so that the test knows where it is; the others are opened after. */
export function servedByN1(...others: string[]): FixtureTable {
  const fixture = FixtureTable.withNodes('n1').serve('s1');
  for (const other of others) fixture.open(other);
  return fixture;
}

const creates = (spec: TaskSpec) => isServeSpec(spec) && spec.create === true;

function lineOf({ type, data }: TableEvent): string {
  switch (type) {
    case 'TaskAssigned':
      return `${type} ${data.taskId} ${data.nodeId}@${data.epoch} ${data.cause}${creates(data.spec) ? ' create' : ''}`;
    case 'TaskMoved':
      return `${type} ${data.taskId} ${data.fromNodeId}→${data.nodeId}@${data.epoch} ${data.cause}${creates(data.spec) ? ' create' : ''}`;
    case 'TaskHeld':
    case 'TaskStartConfirmed':
    case 'TaskCompleted':
    case 'PointOrdered':
      return `${type} ${data.taskId} ${data.nodeId}@${data.epoch}`;
    case 'TaskRecalled': {
      const why = data.cause === 'retirement' ? '' : ` ${data.cause}`;
      return `${type} ${data.taskId} ${data.nodeId}@${data.epoch}${why}${data.toNodeId ? ` →${data.toNodeId}` : ''}`;
    }
    case 'TaskDeferred':
      return `${type} ${data.taskId} ${JSON.stringify(data.blockedBy)}`;
    case 'TaskRetryScheduled':
      return `${type} ${data.taskId} #${data.attempt} ${data.code}`;
    case 'TaskCancelled':
      return `${type} ${data.taskId} ${data.by}`;
    case 'TaskParked':
      return `${type} ${data.taskId} ${data.reason}`;
    case 'TaskRejected':
    case 'TaskActionRejected':
      return `${type} ${data.taskId} ${data.reason}${'byTaskId' in data ? ` ${data.byTaskId}` : ''}`;
    case 'BackupDeletionOrdered':
      return `${type} ${data.systemId}/${data.pointId} ${data.nodeId}`;
    case 'BackupDeletionConfirmed':
      return `${type} ${data.systemId}/${data.pointId}`;
    case 'BackupDeletionRejected':
      return `${type} ${data.systemId}/${data.pointId} ${data.reason}${data.byTaskId ? ` ${data.byTaskId}` : ''}`;
    case 'TasksCheckpointed':
      return `${type} ${data.items.map(({ taskId, doneBytes }) => `${taskId}:${doneBytes}`).join()}`;
    case 'TaskAdmitted':
    case 'PointConfirmed':
    case 'TaskReopened':
    case 'TaskStalled':
      return `${type} ${data.taskId}`;
    case 'SystemRemovalOrdered':
      return `${type} ${data.systemId} ${data.nodeId}@${data.epoch}`;
    case 'PlacementHeld':
    case 'PlacementResumed':
      return `${type} ${data.brake}`;
    case 'NodeOpened':
      return `${type} ${data.nodeId}`;
    case 'NodeCordoned':
    case 'NodeClosed':
      return `${type} ${data.nodeId} ${data.cause}`;
    case 'NodeDrained':
      return `${type} ${data.nodeId}`;
    case 'NodeDrainStarted':
    case 'NodeDrainStopped':
      return `${type} ${data.nodeId} ${data.by}`;
    case 'NodeDrainOverdue':
      return `${type} ${data.nodeId} ${data.left.join()}`;
    case 'NodeDrainRejected':
      return `${type} ${data.nodeId} ${data.reason}`;
    case 'RebalanceStarted':
      return `${type} ${data.by}`;
    case 'RebalanceEnded':
      return `${type} ${data.moves}`;
    case 'RebalanceRejected':
      return `${type} ${data.reason}`;
  }
}
