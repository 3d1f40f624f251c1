import type { NodeId, PointId, SystemId, TaskId } from '@holdfast/contracts';
import { lookUp, valuesOf } from './persistent-map';
import type { TableAction } from './routing-table.decider';
import { evolveTable, type TableEvent } from './routing-table';
import { C1, FixtureTable } from './table-fixture';

export const work = (name: string) => `t-${name}` as TaskId;

/** A table with background work: scrubs, which need nothing but a node. Its agents obey when they are told to. */
export class WorkTable extends FixtureTable {
  static override withNodes(...nodeIds: string[]): WorkTable {
    const fixture = new WorkTable();
    for (const nodeId of nodeIds) fixture.open(nodeId);
    return fixture;
  }

  /** A scrub that is running on this node, wherever it would have been placed. */
  running(name: string, nodeId: string, cost = 10): this {
    const { about, spec } = this.scrubOf(name, cost, name);
    const on = { nodeId: nodeId as NodeId, epoch: 1 };
    this.note({ type: 'TaskAdmitted', data: { ...about, spec, cost } });
    const order = { ...about, ...on, spec, nodeIncarnation: null, placement: null };
    this.note({ type: 'TaskAssigned', data: { ...order, cause: 'admitted' } });
    this.note({ type: 'TaskStartConfirmed', data: { ...about, ...on, tookMs: 1, created: false } });
    return this;
  }

  /** One that no node has yet; `of`: what it reads, its own backup unless another run read it before. */
  waiting(name: string, cost = 10, of = name): this {
    const { about, spec } = this.scrubOf(name, cost, of);
    this.note({ type: 'TaskAdmitted', data: { ...about, spec, cost } });
    return this;
  }

  /** It has read all. */
  finish(name: string): string[] {
    const { nodeId, taskId, epoch } = this.workOf(name);
    const result = { manifest: '0'.repeat(64), pieces: 1, damagedPieces: 0, damaged: [] };
    return this.do({
      type: 'NoteFinished',
      nodeId: nodeId as NodeId,
      taskId,
      epoch,
      result,
      doneBytes: 1,
      durationMs: 1,
    });
  }

  /** Its backup was taken away. */
  forget(of: string): void {
    const backup = { systemId: `s-${of}` as SystemId, pointId: 'p1' as PointId };
    this.note({ type: 'BackupDeletionConfirmed', data: { clusterId: C1, ...backup, at: this.at } });
  }

  workOf(name: string) {
    const task = lookUp(this.table.tasks, work(name));
    if (!task) throw new RangeError(`no work ${name}`);
    return task;
  }

  /** Its node has stopped, as it was told. */
  stop(taskId: TaskId): string[] {
    const task = lookUp(this.table.tasks, taskId);
    if (!task?.nodeId) throw new RangeError(`nobody has ${taskId}`);
    return this.do({ type: 'NoteStopped', nodeId: task.nodeId, taskId, epoch: task.epoch, token: null, doneBytes: 0 });
  }

  begin(taskId: TaskId): string[] {
    const task = lookUp(this.table.tasks, taskId);
    if (!task?.nodeId) throw new RangeError(`nobody has ${taskId}`);
    return this.do({ type: 'NoteTaken', nodeId: task.nodeId, taskId, epoch: task.epoch, tookMs: 1 });
  }

  /** Every agent does what it was told, and what follows from it, one line per event. */
  obey(): string[] {
    const lines: string[] = [];
    for (let done = -1; lines.length > done;) {
      done = lines.length;
      if (done > 10_000) throw new RangeError('it goes to and fro for ever');
      for (const { taskId, phase, nodeId } of valuesOf(this.table.tasks)) {
        if (nodeId && phase === 'stopping') lines.push(...this.stop(taskId));
        if (nodeId && phase === 'assigned') lines.push(...this.begin(taskId));
      }
    }
    return lines;
  }

  /** What was ordered is begun; what was recalled goes on for now. */
  obeyOrders(): void {
    for (const { taskId, phase } of valuesOf(this.table.tasks)) if (phase === 'assigned') this.begin(taskId);
  }

  /** Who has this work now. */
  get owners(): Record<string, string | null> {
    return Object.fromEntries(valuesOf(this.table.tasks).map(({ taskId, nodeId }) => [taskId, nodeId]));
  }

  drain(nodeId: string, deadlineMs = 600_000): string[] {
    return this.do({ type: 'DrainForMaintenance', nodeId: nodeId as NodeId, deadlineMs });
  }

  hold(): string[] {
    return this.do({ type: 'HoldPlacement', brake: 'halted' });
  }

  /** Whatever is due now. */
  look(): string[] {
    return this.do({ type: 'Settle' } satisfies TableAction);
  }

  private scrubOf(name: string, bytesPerSec: number, of: string) {
    const [systemId, pointId] = [`s-${of}` as SystemId, 'p1' as PointId];
    const backup = { systemId, pointId, epoch: 1, manifest: '0'.repeat(64) };
    const subject = `backup/${systemId}/p1`;
    const about = { clusterId: C1, taskId: work(name), kind: 'scrub' as const, subject, at: this.at };
    return { about, spec: { systemId, backup, bytesPerSec } };
  }

  private note(event: TableEvent): void {
    this.table = evolveTable(this.table, event);
  }
}
