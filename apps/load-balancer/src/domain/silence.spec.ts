import { serveTaskOf, type SystemId } from '@holdfast/contracts';
import { BackgroundTable, MANIFEST, P1, T1 } from './background-fixture';
import { node, taskOf } from './table-fixture';

const still = (stillMs: number) => ({ silentMs: 0, stillMs });

describe('a task that does not come forward', () => {
  /** It has been running for longer than any limit: what counts is what its samples say. */
  const running = () => BackgroundTable.serving('n2').running('n1').wait(600_000);

  it('is told after 60 s, not a millisecond sooner, and once', () => {
    const fixture = running();
    expect(fixture.check(T1, still(59_999))).toEqual([]);
    expect(fixture.check(T1, still(60_000))).toEqual(['TaskStalled t-1']);
    expect(fixture.check(T1, still(179_999))).toEqual([]);
  });

  it('is taken away after 180 s, and moves when it stopped', () => {
    const fixture = running();
    const { epoch } = fixture.by();
    fixture.check(T1, still(60_000));
    expect(fixture.check(T1, still(180_000))).toEqual([`TaskRecalled t-1 n1@${epoch} stalled`]);
    expect(fixture.do({ type: 'NoteStopped', ...fixture.by(), token: null, doneBytes: 0 })).toEqual([
      `TaskMoved t-1 n1→n2@${epoch + 1} stalled`,
    ]);
  });

  it('is told again when it stalls again after a checkpoint', () => {
    const fixture = running();
    fixture.check(T1, still(60_000));
    fixture.checkpoint(100);
    expect(fixture.check(T1, still(60_000))).toEqual(['TaskStalled t-1']);
  });

  it('is not stalled by what was heard of an attempt before, nor by what nobody could have told', () => {
    const fixture = BackgroundTable.serving('n2').running('n1').wait(59_999);
    expect(fixture.check(T1, still(600_000))).toEqual([]);
    expect(fixture.wait(3_600_000).do({ type: 'CheckTask', taskId: T1 })).toEqual([]);
  });

  it('under a brake is told and stays', () => {
    const fixture = running().hold();
    expect(fixture.check(T1, still(180_000))).toEqual(['TaskStalled t-1']);
    expect(fixture.check(T1, still(180_000))).toEqual([]);
  });

  it('on a node that is suspect is not judged', () => {
    const fixture = running();
    fixture.isolate('n1', 'suspect');
    expect(fixture.check(T1, still(180_000))).toEqual([]);
  });

  it('that waits for something it may not force is judged by the same', () => {
    const fixture = BackgroundTable.serving('n2');
    fixture.submit();
    fixture.freeze();
    expect(fixture.do({ type: 'NoteBlocked', ...fixture.by(), waitsFor: 'chainLock' })).toHaveLength(1);
    fixture.wait(60_000);
    expect(fixture.check(T1, still(60_000))).toEqual(['TaskStalled t-1']);
  });

  it('a system never stalls', () => {
    const fixture = BackgroundTable.serving('n2').wait(600_000);
    expect(fixture.check(taskOf('s1'), still(600_000))).toEqual([]);
  });
});

describe('a system that is being filled from a backup', () => {
  const filling = (fromBackup: object = { fromBackup: { ...P1, epoch: 1, manifest: MANIFEST } }) => {
    const fixture = BackgroundTable.serving().backedUp();
    fixture.tellRegistered('s2');
    const spec = { systemId: 's2' as SystemId, address: '10.0.0.2', volumes: [] };
    fixture.do({ type: 'AdmitSystem', spec: { ...spec, ...fromBackup }, lastEpoch: 0 });
    fixture.open('n2');
    fixture.wait(600_000);
    return fixture;
  };
  const s2 = serveTaskOf('s2' as SystemId);
  const moved = ['TaskMoved serve-s2 n1→n2@2 notTaken create'];

  it('takes as long as it takes while its node says so, and moves after 5 s of silence', () => {
    expect(filling().check(s2, { silentMs: 4_999, stillMs: 4_999 })).toEqual([]);
    expect(filling().check(s2, { silentMs: 5_000, stillMs: 5_000 })).toEqual(moved);
  });

  it('does not when it stands still for 3 minutes', () => {
    expect(filling().check(s2, { silentMs: 0, stillMs: 179_999 })).toEqual([]);
    expect(filling().check(s2, { silentMs: 0, stillMs: 180_000 })).toEqual(moved);
  });

  it('is filled from zero by the next node, and from nothing once it was served', () => {
    const fixture = filling();
    fixture.check(s2, { silentMs: 5_000, stillMs: 5_000 });
    expect(fixture.history.at(-1)?.data).toMatchObject({ spec: { create: true, fromBackup: { manifest: MANIFEST } } });
    const taken = { type: 'NoteTaken', ...fixture.owner('s2'), tookMs: 1, manifest: MANIFEST } as const;
    expect(fixture.do(taken)).toEqual(['TaskStartConfirmed serve-s2 n2@2']);
    expect(fixture.history.at(-1)?.data).toMatchObject({ created: true, manifest: MANIFEST });
    fixture.do({ type: 'ReofferTasks', nodeId: node('n2') });
    expect(fixture.history.at(-1)?.data).toMatchObject({ spec: { systemId: 's2' } });
    expect(fixture.history.at(-1)?.data).not.toHaveProperty('spec.fromBackup');
  });

  it('from a damaged one fails at once: each node would read the same bytes', () => {
    expect(filling().decline('s2', 'BACKUP_DAMAGED')).toEqual(['TaskCancelled serve-s2 creationFailed']);
  });

  it('any other order is silent after 5 s, whatever its samples say', () => {
    expect(filling({}).check(s2, { silentMs: 0, stillMs: 0 })).toEqual(moved);
  });
});
