import type { SystemId, TaskId } from '@holdfast/contracts';
import { QUEUE_LIMIT } from './admission';
import { BackgroundTable, P1, T1 } from './background-fixture';

const t2 = 't-2' as TaskId;

it('admits a snapshot and orders its point of the node that serves, at its serving epoch', () => {
  expect(BackgroundTable.serving().submit()).toEqual(['TaskAdmitted t-1', 'PointOrdered t-1 n1@1']);
});

it('admits a scrub and orders it at once: a backup is whole', () => {
  const fixture = BackgroundTable.serving().backedUp();
  expect(fixture.submit({ taskId: t2, kind: 'scrub' })).toEqual(['TaskAdmitted t-2', 'TaskAssigned t-2 n1@1 admitted']);
  expect(fixture.work(t2)).toMatchObject({ subject: 'backup/s1/p1', spec: { backup: { ...P1, epoch: 1 } } });
});

it('is told of a request twice and answers once', () => {
  const fixture = BackgroundTable.serving();
  fixture.submit();
  expect(fixture.submit()).toEqual([]);
});

describe('rejects', () => {
  it.each(['serve', 'mirrorTransfer', 'Snapshot', ''])('UNKNOWN_KIND: %p', (kind) => {
    expect(BackgroundTable.serving().submit({ kind })).toEqual(['TaskRejected t-1 UNKNOWN_KIND']);
  });

  it.each([0, -1, 0.99, 1e-320, NaN, Infinity])('INVALID_COST: %p bytes a second', (bytesPerSec) => {
    expect(BackgroundTable.serving().submit({ bytesPerSec })).toEqual(['TaskRejected t-1 INVALID_COST']);
  });

  it('UNKNOWN_SUBJECT: no such system here, one that is retiring, no such backup', () => {
    const fixture = BackgroundTable.serving();
    const unknown = ['TaskRejected t-1 UNKNOWN_SUBJECT'];
    expect(fixture.submit({ systemId: 's2' as SystemId })).toEqual(unknown);
    expect(fixture.submit({ kind: 'scrub' })).toEqual(unknown);
    fixture.retire();
    expect(fixture.submit()).toEqual(unknown);
  });

  it('BACKUP_ELSEWHERE: its medium is another cluster’s', () => {
    const asked = { kind: 'scrub', elsewhere: true };
    expect(BackgroundTable.serving().submit(asked)).toEqual(['TaskRejected t-1 BACKUP_ELSEWHERE']);
  });

  it('POINT_GONE: the name is that of a backup, or of a snapshot that ended without one', () => {
    const gone = ['TaskRejected t-2 POINT_GONE'];
    expect(BackgroundTable.serving().backedUp().submit({ taskId: t2 })).toEqual(gone);
    const fixture = BackgroundTable.serving();
    fixture.submit();
    fixture.do({ type: 'CancelTask', taskId: T1, requestId: '00000000-0000-4000-8000-000000000003' as never });
    expect(fixture.submit({ taskId: t2 })).toEqual(gone);
  });

  it('DUPLICATE: one of this kind is open for the subject, and which', () => {
    const fixture = BackgroundTable.serving();
    fixture.submit();
    expect(fixture.submit({ taskId: t2, pointId: 'p2' as never })).toEqual(['TaskRejected t-2 DUPLICATE t-1']);
  });

  it('EXCEEDS_ANY_NODE: more than the largest could spare were it empty, be it down or not', () => {
    const fixture = BackgroundTable.serving();
    expect(fixture.submit({ bytesPerSec: 90.1 })).toEqual(['TaskRejected t-1 EXCEEDS_ANY_NODE']);
    expect(fixture.submit({ bytesPerSec: 90 })).toContain('TaskAdmitted t-1');
    fixture.open('n2', 200);
    fixture.close('n2');
    fixture.serve('s2');
    expect(fixture.submit({ taskId: t2, systemId: 's2' as SystemId, bytesPerSec: 180 })).toContain('TaskAdmitted t-2');
  });

  it('QUEUE_FULL: at the limit, not one below it', () => {
    const fixture = BackgroundTable.serving().backedUp();
    fixture.submit({ taskId: t2, kind: 'scrub' });
    const [one, fill] = [fixture.work(t2), (n: number) => `t-${n}` as TaskId];
    const many = Array.from({ length: QUEUE_LIMIT - 2 }, (_, n) => ({
      ...one,
      taskId: fill(n + 10),
      subject: `x/${n}`,
    }));
    fixture.put(...many.map((task) => ({ ...task, nodeId: null, phase: 'parked' as const })));
    expect(fixture.submit({ pointId: 'p2' as never })[0]).toBe('TaskAdmitted t-1');
    fixture.serve('s2');
    const last = { taskId: fill(9), systemId: 's2' as SystemId };
    expect(fixture.submit(last)).toEqual(['TaskRejected t-9 QUEUE_FULL']);
  });
});

it('admits under a brake, and begins when it is off', () => {
  const fixture = BackgroundTable.serving().hold();
  expect(fixture.submit()).toEqual(['TaskAdmitted t-1']);
  expect(fixture.resume()).toEqual(['PlacementResumed halted', 'PointOrdered t-1 n1@1']);
});

it('waits with the reason when no node has room, and is placed by the first that has', () => {
  const fixture = BackgroundTable.serving();
  fixture.submit({ bytesPerSec: 90 });
  fixture.freeze();
  fixture.serve('s2');
  const second = { taskId: t2, systemId: 's2' as SystemId, bytesPerSec: 50 };
  expect(fixture.submit(second)).toEqual(['TaskAdmitted t-2', expect.stringMatching('TaskDeferred t-2')]);
  expect(fixture.open('n2')).toEqual(['NodeOpened n2', 'PointOrdered t-2 n1@1']);
});
