import {
  pointOfRequest,
  serveTaskOf,
  systemOfServeTask,
  taskOfRequest,
  type ClusterId,
  type Instant,
  type NodeId,
  type PointId,
  type RequestId,
  type SystemId,
  type TaskId,
} from '@holdfast/contracts';
import type { LoggedEvent } from '@holdfast/invariants';
import { grantsFor } from '../../apps/load-balancer/src/domain/grants.policy';
import { valuesOf } from '../../apps/load-balancer/src/domain/persistent-map';
import { routingTableDecider, type TableAction } from '../../apps/load-balancer/src/domain/routing-table.decider';
import type { RoutingTable } from '../../apps/load-balancer/src/domain/routing-table';
import { systemDecider, type System, type SystemCommand } from '../../apps/load-balancer/src/domain/system.decider';
import type { Task } from '../../apps/load-balancer/src/domain/task';

const VOLUMES = [{ volumeId: 'v1' as never, sizeBytes: 1_048_576 }];
const MANIFEST = '0'.repeat(64);
export const NODES = ['n1', 'n2', 'n3', 'n4'];
export const SYSTEMS = ['s1', 's2', 's3'];

/** The deciders of one cluster's placement, with nothing around them, and the log that they would have written. */
export class TableRun {
  readonly log: LoggedEvent[] = [];
  table: RoutingTable = routingTableDecider.initial;
  private readonly systems = new Map<string, System>();
  private readonly heads = new Map<string, number>();
  private clock = Date.parse('2026-01-01T00:00:00Z');
  private requests = 0;

  wait(ms: number): void {
    this.clock += ms;
  }

  do(action: TableAction): void {
    const known = { clusterId: 'c1' as ClusterId, at: this.at, incarnations: {}, takenMs: 5_000 };
    const events = routingTableDecider.decide({ ...action, ...known }, this.table);
    this.table = events.reduce((state, event) => routingTableDecider.evolve(state, event), this.table);
    this.write('routing-table-c1', events);
    for (const grant of grantsFor(events)) this.tell(grant);
    for (const { type, data } of events) {
      if (type !== 'TaskCancelled' || data.by !== 'creationFailed') continue;
      const systemId = systemOfServeTask(data.taskId);
      if (systemId) this.discard(systemId);
    }
  }

  retire(name: string): void {
    const systemId = name as SystemId;
    this.tell({ type: 'RetireSystem', systemId, requestId: this.request(), at: this.at });
    if (this.systems.get(name)?.phase === 'retiring') this.do({ type: 'RetireTask', taskId: serveTaskOf(systemId) });
  }

  /** Asked for, and carried out by whichever node was told to. */
  remove(name: string): void {
    const systemId = name as SystemId;
    this.tell({ type: 'DeleteSystem', systemId, requestId: this.request(), at: this.at });
    const system = this.systems.get(name);
    if (system?.phase !== 'deleting' && system?.phase !== 'discarding') return;
    if (system.removal) this.tell({ type: 'ConfirmRemoved', systemId, ...system.removal, at: this.at });
    else this.do({ type: 'OrderRemoval', systemId, lastEpoch: system.epoch, unanswered: null });
  }

  admit(name: string): void {
    const systemId = name as SystemId;
    if (this.systems.get(name)?.phase === 'registered') return;
    const offer = { nodes: 1, address: '10.0.0.1' };
    const asked = {
      systemId,
      clusterId: 'c1' as ClusterId,
      volumes: VOLUMES,
      offer,
      requestId: this.request(),
      at: this.at,
    };
    this.tell({ type: 'RegisterSystem', ...asked });
    const system = this.systems.get(name);
    if (system?.phase !== 'registered') return;
    this.do({
      type: 'AdmitSystem',
      spec: { systemId, address: '10.0.0.1', volumes: VOLUMES },
      lastEpoch: system.epoch,
    });
  }

  snapshot(name: string, bytesPerSec: number): void {
    const requestId = this.request();
    const about = { systemId: name as SystemId, pointId: pointOfRequest(requestId), elsewhere: false };
    this.do({
      type: 'RequestTask',
      taskId: taskOfRequest(requestId),
      kind: 'snapshot',
      bytesPerSec,
      requestId,
      ...about,
    });
  }

  /** Of the backup that comes at this turn, if there are any. */
  withBackup(
    turn: number,
    work: (backup: { systemId: SystemId; pointId: PointId }, requestId: RequestId) => void,
  ): void {
    const backups = valuesOf(this.table.backups);
    const backup = backups[turn % Math.max(1, backups.length)];
    if (backup) work({ systemId: backup.systemId, pointId: backup.pointId }, this.request());
  }

  scrub(turn: number, bytesPerSec: number): void {
    this.withBackup(turn, (backup, requestId) =>
      this.do({
        type: 'RequestTask',
        taskId: taskOfRequest(requestId),
        kind: 'scrub',
        bytesPerSec,
        requestId,
        ...backup,
        elsewhere: false,
      }),
    );
  }

  /** Of the task that comes at this turn. */
  withTask(turn: number, work: (task: Task, requestId: RequestId) => void): void {
    const tasks = valuesOf(this.table.tasks);
    const task = tasks[turn % Math.max(1, tasks.length)];
    if (task) work(task, this.request());
  }

  /** The node that has it tells this of it. */
  hear(turn: number, told: 'taken' | 'finished' | 'stopped' | 'declined' | 'faulted'): void {
    this.withTask(turn, (task) => {
      const { taskId, nodeId, epoch, kind } = task;
      if (kind === 'snapshot' && task.phase === 'freezing' && task.freeze) return this.freeze(taskId, task.freeze);
      if (!nodeId) return;
      const from = { taskId, nodeId, epoch };
      const whole =
        kind === 'snapshot'
          ? { manifest: MANIFEST, volumes: VOLUMES, pieces: 1, bytes: 1 }
          : { manifest: MANIFEST, pieces: 1, damagedPieces: 0, damaged: [] };
      const facts: Record<typeof told, TableAction> = {
        taken: { type: 'NoteTaken', ...from, tookMs: 1 },
        finished: { type: 'NoteFinished', ...from, result: whole, doneBytes: 1, durationMs: 1 },
        stopped: { type: 'NoteStopped', ...from, token: null, doneBytes: 0 },
        declined: { type: 'NoteDeclined', ...from, code: 'ENGINE_DOWN', highestEpoch: 0 },
        faulted: { type: 'NoteFaulted', ...from, errorClass: 'node', code: 'EIO' },
      };
      this.do(facts[told]);
    });
  }

  private discard(systemId: SystemId): void {
    this.tell({ type: 'FailCreation', systemId, reason: 'NO_NODE', at: this.at });
    this.remove(systemId);
  }

  private freeze(taskId: TaskId, { nodeId, epoch }: { nodeId: NodeId; epoch: number }): void {
    this.do({ type: 'NotePointFrozen', taskId, nodeId, epoch, k: 1, frozenAt: this.at });
  }

  private tell(command: SystemCommand): void {
    const before = this.systems.get(command.systemId) ?? systemDecider.initial;
    const events = systemDecider.decide(command, before);
    this.systems.set(command.systemId, events.reduce((state, event) => systemDecider.evolve(state, event), before)); // prettier-ignore
    this.write(`system-${command.systemId}`, events);
  }

  private write(stream: string, events: readonly { type: string; data: object }[]): void {
    for (const { type, data } of events) {
      const version = (this.heads.get(stream) ?? 0) + 1;
      this.heads.set(stream, version);
      const position = this.log.length + 1;
      const id = `event-${position}`;
      const told = {
        topic: 'holdfast.placement',
        stream,
        version,
        id,
        at: this.at,
        correlationId: id,
        causationId: id,
      };
      this.log.push({ position, type, data: data as LoggedEvent['data'], ...told });
    }
  }

  private get at(): Instant {
    return new Date(this.clock).toISOString() as Instant;
  }

  private request(): RequestId {
    this.requests += 1;
    return `00000000-0000-4000-8000-${String(this.requests).padStart(12, '0')}` as RequestId;
  }
}
