import {
  BackupDeletionConfirmed,
  NodeFoundPartitioned,
  NodeMaintenanceEnded,
  NodeMaintenanceStarted,
  RebalanceEnded,
  RebalanceStarted,
  SystemRegistered,
  SystemRejected,
  TaskDeferred,
  TaskStalled,
} from '@holdfast/contracts';
import {
  admitted,
  assigned,
  confirmed,
  joined,
  moved,
  opened,
  recovered,
  registered,
  systemRegistered,
} from '../testing/fleet';
import { AT, OTHER_REQUEST, REQUEST, rowsOf, story, told } from '../testing/told';
import * as work from '../testing/work';
import { backupView } from '../views/backup.view';
import { backupsProjection, isThere } from './backups.projection';
import { clustersProjection } from './clusters.projection';
import { nodesProjection } from './nodes.projection';
import type { FeedEvent } from './projection';
import { systemsProjection } from './systems.projection';
import { tasksProjection } from './tasks.projection';

const MIB = 2 ** 20;

describe('a background task', () => {
  const taskAfter = (...events: FeedEvent[]) => rowsOf(tasksProjection, story(...events)).get('t-1');
  const placed = [work.snapshotAdmitted, work.pointOrdered, work.pointConfirmed, work.workAssigned('n1', 1)];
  const running = [...placed, work.workStarted('n1', 1), work.checkpointed('n1', 1, 48)];

  it('is freezing its point on no node, then placed, then running', () => {
    expect(taskAfter(work.snapshotAdmitted, work.pointOrdered)).toMatchObject({
      ...{ state: 'freezing', nodeId: null, kind: 'snapshot', subject: 'system/s1', systemId: 's1', pointId: 'p-1' },
      reason: 'n1 is to freeze p-1',
    });
    expect(taskAfter(...placed)).toMatchObject({ state: 'assigned', nodeId: 'n1', epoch: 1 });
    expect(taskAfter(...placed, work.workStarted('n1', 1))).toMatchObject({ state: 'running', doneBytes: null });
  });

  it('knows its last checkpoint, and keeps it over a move', () => {
    const checkpoint = { epoch: 1, doneBytes: 48 * MIB, token: 'v1.48', at: AT };
    const far = { doneBytes: 48 * MIB, totalBytes: 128 * MIB, checkpoint, bytesPerSec: null };
    expect(taskAfter(...running)).toMatchObject({ state: 'running', ...far });
    expect(taskAfter(...running, work.workMoved(['n1', 'n2'], 2))).toMatchObject({
      ...{ state: 'assigned', nodeId: 'n2', epoch: 2, lastOwners: ['n2', 'n1'], reason: 'nodeDown' },
      ...far,
    });
  });

  it('is on no node while it waits: for one, for its next attempt, or for a person', () => {
    const waits = [
      [work.workDeferred, 'pending', 'no node now: down 1, draining 2'],
      [work.workRetried, 'retrying', `MEDIUM_GONE, not before ${AT}`],
      [work.workParked, 'parked', 'PIECE_UNREADABLE after 5 attempts'],
      [work.workCancelled, 'cancelled', 'operator'],
    ] as const;
    for (const [event, state, reason] of waits)
      expect(taskAfter(...running, event)).toMatchObject({ state, reason, nodeId: null, lastOwners: ['n1'] });
    expect(taskAfter(...running, work.workParked, work.workReopened)).toMatchObject({ state: 'pending', reason: null });
  });

  it('says that it does not come forward while it runs on', () => {
    const ofTask = { clusterId: 'alpha', taskId: 't-1', kind: 'snapshot' as const, subject: 'system/s1', at: AT };
    const stalled = told(TaskStalled, { ...ofTask, nodeId: 'n1', epoch: 1, forMs: 60_000 });
    expect(taskAfter(...running, stalled)).toMatchObject({ state: 'running', reason: 'no progress for 60 s' });
  });

  it('has its result once it is completed, on whichever node that was', () => {
    expect(taskAfter(...running, work.snapshotCompleted('n2', 2))).toMatchObject({
      ...{ state: 'completed', nodeId: 'n2', epoch: 2, result: work.snapshotResult },
      ...{ doneBytes: 128 * MIB, totalBytes: 128 * MIB },
    });
  });

  it('says nothing of who serves the system that it works on', () => {
    const served = [systemRegistered, assigned('n3', 1), confirmed('n3', 1)];
    const rows = rowsOf(
      systemsProjection,
      story(...served, ...running, work.workMoved(['n1', 'n2'], 2), work.workDeferred),
    );
    expect([...rows.keys()]).toEqual(['s1']);
    expect(rows.get('s1')).toEqual(rowsOf(systemsProjection, story(...served)).get('s1'));
  });
});

describe('the backups projection', () => {
  const backupAfter = (...events: FeedEvent[]) => rowsOf(backupsProjection, story(...events)).get('s1/p-1');
  const made = [work.pointConfirmed, work.snapshotCompleted('n2', 2)];

  it('has a backup from the completion on, as of the freeze of its point', () => {
    expect(isThere(backupAfter(work.pointConfirmed)!)).toBe(false);
    expect(backupAfter(...made)).toMatchObject({
      ...{ backupId: 's1/p-1', state: 'ready', at: AT, epoch: 2, taskId: 't-1', manifest: work.MANIFEST },
      ...{ bytes: 96 * MIB, sizeBytes: 128 * MIB, pieces: 6, lastScrub: null },
    });
  });

  it('begins with the name of the backup, for it is read from the top', () => {
    expect(Object.keys(backupAfter(...made)!)[0]).toBe('backupId');
  });

  it('forgets a point of which nothing came', () => {
    expect(backupAfter(work.pointConfirmed, work.workCancelled)).toBeUndefined();
    expect(backupAfter(...made, work.workCancelled)).toMatchObject({ state: 'ready' });
  });

  it('stays as it is while its point is copied once more, until that copy is whole', () => {
    expect(backupAfter(...made, work.pointConfirmed)).toMatchObject({ state: 'ready', epoch: 2 });
    expect(backupAfter(...made, work.pointConfirmed, work.snapshotCompleted('n1', 5))).toMatchObject({ epoch: 5 });
  });

  it('remembers the last scrub, clean or not', () => {
    expect(backupAfter(...made, work.scrubCompleted(0))).toMatchObject({ lastScrub: { clean: true, taskId: 't-2' } });
    expect(backupAfter(...made, work.scrubCompleted(0), work.scrubCompleted(1))).toMatchObject({
      taskId: 't-1',
      lastScrub: { clean: false, damagedPieces: 1, damaged: [{ volumeId: 'v1', piece: 3 }] },
    });
  });

  it('cannot be restored once a restore has found it damaged, until a scrub finds it clean', () => {
    const ref = { systemId: 's1', pointId: 'p-1', epoch: 2, manifest: work.MANIFEST };
    const of = { systemId: 's9', clusterId: 'alpha', at: AT };
    const restored = told(SystemRegistered, {
      ...{ ...of, address: '127.9.1.9', volumes: [], fromBackup: ref, requestId: REQUEST },
    });
    const rejected = (requestId: string) => told(SystemRejected, { ...of, reason: 'BACKUP_DAMAGED', requestId });
    const viewAfter = (...events: FeedEvent[]) => backupView(backupAfter(...made, restored, ...events)!);
    expect(viewAfter(rejected(OTHER_REQUEST))).toMatchObject({ restorable: true, refusedRestore: null });
    expect(viewAfter(rejected(REQUEST))).toMatchObject({
      restorable: false,
      refusedRestore: { systemId: 's9', at: AT },
      reason: 'the restore to s9 found it damaged; scrub it: holdfast task submit scrub --backup s1/p-1',
    });
    expect(viewAfter(rejected(REQUEST), work.scrubCompleted(0))).toMatchObject({ restorable: true });
    expect(viewAfter(rejected(REQUEST), work.scrubCompleted(1))).toMatchObject({
      restorable: false,
      reason: '1 damaged piece, found by t-2',
    });
  });

  it('says of a scrub that read another manifest that the manifest differs', () => {
    const scrubbed = work.scrubCompleted(1);
    const { result } = scrubbed.data as { result: object };
    const other = {
      ...scrubbed,
      data: { ...(scrubbed.data as object), result: { ...result, manifest: 'cd'.repeat(32) } },
    };
    expect(backupView(backupAfter(...made, other)!)).toMatchObject({
      restorable: false,
      reason: 'its manifest is missing or not the one that was made, found by t-2',
      lastScrub: { clean: false, manifestDiffers: true },
    });
  });

  it('is deleting once that is ordered, and gone when it is confirmed', () => {
    const confirmedGone = told(BackupDeletionConfirmed, { clusterId: 'alpha', systemId: 's1', pointId: 'p-1', at: AT });
    expect(backupAfter(...made, work.deletionOrdered)).toMatchObject({ state: 'deleting' });
    expect(backupAfter(...made, work.deletionOrdered, confirmedGone)).toBeUndefined();
  });
});

describe('a node in planned work', () => {
  const nodeAfter = (...events: FeedEvent[]) => rowsOf(nodesProjection, story(...events)).get('n1');
  const open = [joined('n1'), recovered('n1'), opened('n1')];
  const loaded = [...open, assigned('n1', 1), work.workAssigned('n1', 1)];

  it('is in maintenance until that ends', () => {
    const ofNode = { clusterId: 'alpha', nodeId: 'n1', at: AT };
    const started = told(NodeMaintenanceStarted, {
      ...{ ...ofNode, until: AT, drain: true, by: 'x', reason: 'disks', requestId: REQUEST },
    });
    const ended = told(NodeMaintenanceEnded, { ...ofNode, by: 'time' });
    expect(nodeAfter(...open, started)).toMatchObject({ maintenance: { until: AT, reason: 'disks', drain: true } });
    expect(nodeAfter(...open, started, ended)).toMatchObject({ maintenance: null });
  });

  it('is partitioned when its peers cannot reach it, until it is healthy again', () => {
    const evidence = { rule: 'peersFail' as const, peers: [], lateNodes: 0, limit: 1 };
    const cutOff = told(NodeFoundPartitioned, { clusterId: 'alpha', nodeId: 'n1', at: AT, evidence });
    expect(nodeAfter(...open, cutOff)).toMatchObject({ status: 'partitioned', since: AT });
    expect(nodeAfter(...open, cutOff, recovered('n1'))).toMatchObject({ status: 'healthy' });
  });

  it('knows what it carries: what was ordered of it and has not ended, moved or been put off', () => {
    expect(nodeAfter(...loaded)?.carries).toEqual({ 'serve-s1': null, 't-1': 8 * MIB });
    expect(nodeAfter(...loaded, moved('n1', 'n2', 2))?.carries).toEqual({ 't-1': 8 * MIB });
    const gone = [work.workMoved(['n1', 'n2'], 2), work.snapshotCompleted('n1', 1), work.workParked];
    for (const event of [...gone, work.workRetried, work.workDeferred, work.workCancelled])
      expect(nodeAfter(...loaded, event)?.carries).toEqual({ 'serve-s1': null });
  });

  it('keeps the system that no other node can take', () => {
    const ofServe = { clusterId: 'alpha', taskId: 'serve-s1', kind: 'serve' as const, subject: 'system/s1', at: AT };
    const deferred = told(TaskDeferred, { ...ofServe, blockedBy: { impaired: 3 } });
    const events = story(admitted, ...loaded, confirmed('n1', 1), deferred);
    expect(rowsOf(nodesProjection, events).get('n1')?.carries).toHaveProperty('serve-s1');
    expect(rowsOf(tasksProjection, events).get('serve-s1')).toMatchObject({
      ...{ state: 'running', nodeId: 'n1', reason: 'no node now: impaired 3' },
    });
  });

  it('drains from what it carried then, counts on when asked again, and is used again when stopped', () => {
    expect(nodeAfter(...loaded, work.drainStarted)).toMatchObject({ drain: { state: 'draining', total: 2 } });
    const less = [...loaded, work.drainStarted, work.workMoved(['n1', 'n2'], 2), work.drainOverdue];
    expect(nodeAfter(...less)).toMatchObject({ drain: { state: 'overdue', total: 2 } });
    expect(nodeAfter(...less, work.drainStarted)).toMatchObject({ drain: { state: 'draining', total: 2 } });
    expect(nodeAfter(...less, work.drained)).toMatchObject({ drain: { state: 'drained' } });
    expect(nodeAfter(...less, work.drained, work.drainStopped('operator'))).toMatchObject({ drain: null });
  });
});

it('a cluster is being rebalanced until that has ended', () => {
  const started = told(RebalanceStarted, { clusterId: 'alpha', by: 'automatic', maxOverFair: 1.3, at: AT });
  const ended = told(RebalanceEnded, { clusterId: 'alpha', maxOverFair: 1.05, moves: 4, at: AT });
  const after = (...events: FeedEvent[]) => rowsOf(clustersProjection, story(registered, ...events)).get('alpha');
  expect(after(started)).toMatchObject({ rebalance: { by: 'automatic', since: AT, maxOverFair: 1.3 } });
  expect(after(started, ended)).toMatchObject({ rebalance: null });
});
