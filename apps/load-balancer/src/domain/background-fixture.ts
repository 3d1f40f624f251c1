import {
  type NodeId,
  type PointId,
  type RequestId,
  serveTaskOf,
  type SystemId,
  type TaskId,
} from '@holdfast/contracts';
import type { RequestTask } from './admission';
import type { BackupName } from './backups';
import { lookUp } from './persistent-map';
import type { TableAction } from './routing-table.decider';
import type { Progress } from './silence';
import { FixtureTable } from './table-fixture';
import type { BackgroundTask } from './task';

export const T1 = 't-1' as TaskId;
export const REQUEST = '00000000-0000-4000-8000-000000000002' as RequestId;
export const P1: BackupName = { systemId: 's1' as SystemId, pointId: 'p1' as PointId };
export const MANIFEST = 'ab'.repeat(32);

/** A table whose systems are there to be snapshot, and agents that answer when they are told to. */
export class BackgroundTable extends FixtureTable {
  /** s1 is served by n1: alone at first, so that the test knows where it is; the others are opened after. */
  static serving(...others: string[]): BackgroundTable {
    const fixture = new BackgroundTable();
    fixture.open('n1');
    fixture.serve('s1');
    for (const other of others) fixture.open(other);
    return fixture;
  }

  submit(asked: Partial<Omit<RequestTask, 'type'>> = {}): string[] {
    const usual = { taskId: T1, kind: 'snapshot', ...P1, bytesPerSec: 10, requestId: REQUEST, elsewhere: false };
    return this.do({ type: 'RequestTask', ...usual, ...asked });
  }

  /** The point was frozen by whoever was told to. */
  freeze(taskId: TaskId = T1): string[] {
    const { freeze } = this.work(taskId) as Extract<BackgroundTask, { kind: 'snapshot' }>;
    if (!freeze) throw new RangeError(`nobody freezes for ${taskId}`);
    return this.do({ type: 'NotePointFrozen', taskId, ...freeze, k: 1, frozenAt: this.at });
  }

  /** A snapshot of s1 that is running on this node. */
  running(nodeId: string): this {
    this.submit();
    this.freeze();
    if (this.work().nodeId !== nodeId)
      this.do({ type: 'MoveTask', taskId: T1, requestId: REQUEST, toNodeId: nodeId as NodeId });
    if (this.work().phase === 'stopping') this.do({ type: 'NoteStopped', ...this.by(), token: null, doneBytes: 0 });
    this.do({ type: 'NoteTaken', ...this.by(), tookMs: 5 });
    this.wait(60_000); // Nobody is avoided any more.
    return this.put({ ...this.work(), avoided: {}, since: this.at });
  }

  work(taskId: TaskId = T1): BackgroundTask {
    const task = lookUp(this.table.tasks, taskId);
    if (!task || task.kind === 'serve') throw new RangeError(`no ${taskId}`);
    return task;
  }

  /** As the node that has it, at the epoch ordered last. */
  by(taskId: TaskId = T1): { nodeId: NodeId; taskId: TaskId; epoch: number } {
    const { nodeId, epoch } = this.work(taskId);
    if (!nodeId) throw new RangeError(`nobody has ${taskId}`);
    return { nodeId, taskId, epoch };
  }

  fault(errorClass: 'node' | 'subject' | 'busy', code = 'READ_FAILED'): string[] {
    return this.do({ type: 'NoteFaulted', ...this.by(), errorClass, code });
  }

  finish(by: { nodeId: NodeId; taskId: TaskId; epoch: number } = this.by()): string[] {
    const volumes = [{ volumeId: 'v1' as never, sizeBytes: 1024 }];
    const result = { manifest: MANIFEST, volumes, pieces: 1, bytes: 512 };
    return this.do({ type: 'NoteFinished', ...by, result, doneBytes: 1024, durationMs: 9 });
  }

  checkpoint(doneBytes: number, by = this.by()): string[] {
    const item = { ...by, token: `${doneBytes}`, doneBytes, totalBytes: 1024 };
    return this.do({ type: 'NoteCheckpoints', items: [item] });
  }

  check(taskId: TaskId = T1, progress?: Progress): string[] {
    return this.do({ type: 'CheckTask', taskId, progress });
  }

  /** s1/p1 is a backup. */
  backedUp(): this {
    this.submit();
    this.freeze();
    this.do({ type: 'NoteTaken', ...this.by(), tookMs: 5 });
    this.finish();
    return this;
  }

  hold(): this {
    this.do({ type: 'HoldPlacement', brake: 'halted' });
    return this;
  }

  resume(): string[] {
    return this.do({ type: 'ResumePlacement', brake: 'halted' });
  }

  isolate(nodeId: string, cause: 'isolated' | 'impaired' | 'suspect' | 'partitioned' = 'isolated'): string[] {
    return this.do({ type: 'CordonNode', nodeId: nodeId as NodeId, cause });
  }

  settle(): string[] {
    return this.do({ type: 'Settle' } satisfies TableAction);
  }

  retire(systemId = 's1'): string[] {
    return this.do({ type: 'RetireTask', taskId: serveTaskOf(systemId as SystemId) });
  }
}
