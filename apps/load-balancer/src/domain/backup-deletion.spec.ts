import type { TaskId } from '@holdfast/contracts';
import { BackgroundTable, MANIFEST, P1, REQUEST } from './background-fixture';
import { lookUp, valuesOf } from './persistent-map';

const ask = { type: 'DeleteBackup', ...P1, requestId: REQUEST } as const;
const check = { type: 'CheckDeletion', ...P1, requestId: REQUEST } as const;
const deleted = { type: 'NoteBackupDeleted', ...P1 } as const;
const t2 = 't-2' as TaskId;

it('is ordered of an open node, and done when any says so', () => {
  const fixture = BackgroundTable.serving('n2').backedUp();
  expect(fixture.do(ask)).toEqual(['BackupDeletionOrdered s1/p1 n1']);
  expect(fixture.do(deleted)).toEqual(['BackupDeletionConfirmed s1/p1']);
  expect(fixture.do(deleted)).toEqual([]);
  expect(valuesOf(fixture.table.backups)).toEqual([]);
});

it('asked for twice, is told to the node that is at it, so that both requests end together', () => {
  const fixture = BackgroundTable.serving('n2').backedUp();
  fixture.do(ask);
  expect(fixture.do(ask)).toEqual(['BackupDeletionOrdered s1/p1 n1']);
});

it('unanswered for 30 s, not a millisecond less, is asked of another node', () => {
  const fixture = BackgroundTable.serving('n2').backedUp();
  fixture.do(ask);
  expect(fixture.wait(29_999).do(check)).toEqual([]);
  expect(fixture.wait(1).do(check)).toEqual(['BackupDeletionOrdered s1/p1 n2']);
  fixture.do(deleted);
  expect(fixture.wait(30_000).do(check)).toEqual([]);
});

it('is asked of the silent node again when there is no other', () => {
  const fixture = BackgroundTable.serving().backedUp();
  fixture.do(ask);
  expect(fixture.wait(30_000).do(check)).toEqual(['BackupDeletionOrdered s1/p1 n1']);
});

it('of one that nobody knows, under a brake, or with nobody to do it, is refused', () => {
  const refused = (reason: string) => [`BackupDeletionRejected s1/p1 ${reason}`];
  expect(BackgroundTable.serving().do(ask)).toEqual(refused('UNKNOWN_BACKUP'));
  expect(BackgroundTable.serving().backedUp().hold().do(ask)).toEqual(refused('PLACEMENT_HELD'));
  const alone = BackgroundTable.serving().backedUp();
  alone.close('n1');
  expect(alone.do(ask)).toEqual(refused('NO_NODE'));
});

it('is refused while a scrub reads it, or a system is being filled from it', () => {
  const scrubbed = BackgroundTable.serving().backedUp();
  scrubbed.submit({ taskId: t2, kind: 'scrub' });
  expect(scrubbed.do(ask)).toEqual(['BackupDeletionRejected s1/p1 IN_USE t-2']);

  const filling = BackgroundTable.serving().backedUp();
  const spec = { systemId: 's2' as never, address: '10.0.0.2', volumes: [{ volumeId: 'v1' as never, sizeBytes: 1 }] };
  filling.tellRegistered('s2');
  const fromBackup = { ...P1, epoch: 1, manifest: MANIFEST };
  filling.do({ type: 'AdmitSystem', spec: { ...spec, fromBackup }, lastEpoch: 0 });
  expect(filling.do(ask)).toEqual(['BackupDeletionRejected s1/p1 IN_USE serve-s2']);
  filling.take('s2');
  expect(filling.do(ask)).toEqual(['BackupDeletionOrdered s1/p1 n1']);
});

it('makes it nobody’s source any more', () => {
  const fixture = BackgroundTable.serving().backedUp();
  fixture.do(ask);
  expect(fixture.submit({ taskId: t2, kind: 'scrub' })).toEqual(['TaskRejected t-2 UNKNOWN_SUBJECT']);
});

it('a scrub tells how a backup is, and with another it may be better again', () => {
  const fixture = BackgroundTable.serving().backedUp();
  const scrub = (taskId: TaskId, damagedPieces: number) => {
    fixture.submit({ taskId, kind: 'scrub' });
    const result = { manifest: MANIFEST, pieces: 1, damagedPieces, damaged: [] };
    fixture.do({ type: 'NoteFinished', ...fixture.by(taskId), result, doneBytes: 1, durationMs: 1 });
    return lookUp(fixture.table.backups, 's1/p1')?.lastScrub?.damagedPieces;
  };
  expect(scrub(t2, 3)).toBe(3);
  expect(scrub('t-3' as TaskId, 0)).toBe(0);
});
