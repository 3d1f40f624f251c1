import type { SystemId, TaskId } from '@holdfast/contracts';
import { BackgroundTable, P1, T1 } from './background-fixture';
import { ORDERS_AT_MOST } from './owed';
import { emptyMap, lookUp, valuesOf } from './persistent-map';
import { FixtureTable, node } from './table-fixture';

const ordered = (...others: string[]) => {
  const fixture = BackgroundTable.serving();
  fixture.submit();
  fixture.freeze();
  for (const other of others) fixture.open(other);
  return fixture;
};
const runningAt = (nodeId: string, ...others: string[]) => BackgroundTable.serving('n2', ...others).running(nodeId);

describe('an order', () => {
  it('is confirmed once it is taken, and only once', () => {
    const fixture = ordered();
    expect(fixture.do({ type: 'NoteTaken', ...fixture.by(), tookMs: 1 })).toEqual(['TaskStartConfirmed t-1 n1@1']);
    expect(fixture.do({ type: 'NoteTaken', ...fixture.by(), tookMs: 1 })).toEqual([]);
  });

  it('without an answer goes to another node after 5 s, not a millisecond sooner', () => {
    const fixture = ordered('n2');
    fixture.wait(4_999);
    expect(fixture.check()).toEqual([]);
    fixture.wait(1);
    expect(fixture.check()).toEqual(['TaskMoved t-1 n1→n2@2 notTaken']);
  });

  it('declined goes to another node, and waits longer each time when all decline', () => {
    const fixture = ordered('n2');
    const decline = () =>
      fixture.do({ type: 'NoteDeclined', ...fixture.by(), code: 'JOURNAL_FAILED', highestEpoch: 0 });
    expect(decline()).toEqual(['TaskMoved t-1 n1→n2@2 declined']);
    expect(decline()).toEqual(['TaskRetryScheduled t-1 #1 JOURNAL_FAILED']);
    fixture.wait(5_000);
    expect(fixture.check()).toEqual(['TaskAssigned t-1 n1@3 retry']);
  });

  it('that must wait for a fold has not failed: nobody else is asked, and no attempt is counted', () => {
    const fixture = ordered('n2');
    const blocked = () => fixture.do({ type: 'NoteBlocked', ...fixture.by(), waitsFor: 'chainLock' });
    expect(blocked()).toEqual(['TaskHeld t-1 n1@1']);
    fixture.wait(50_000);
    expect(fixture.check()).toEqual([]);
    expect(fixture.close('n1')).toContain('TaskMoved t-1 n1→n2@2 nodeDown');
    expect(blocked()).toEqual(['TaskHeld t-1 n2@2']);
    expect(fixture.work()).toMatchObject({ phase: 'held', attempts: 0 });
    expect(fixture.do({ type: 'NoteTaken', ...fixture.by(), tookMs: 1 })).toEqual(['TaskStartConfirmed t-1 n2@2']);
  });

  it('declined for a higher epoch than was ever ordered holds the cluster: the store went back', () => {
    const fixture = ordered();
    const declined = { type: 'NoteDeclined', ...fixture.by(), code: 'STALE_EPOCH', highestEpoch: 2 } as const;
    expect(fixture.do(declined)).toEqual(['PlacementHeld storeRegressed']);
  });
});

describe('a task that runs', () => {
  it('ends as its owner says, at its epoch; all else is an attempt that nobody reads', () => {
    const fixture = runningAt('n2');
    const late = fixture.by();
    fixture.close('n2');
    expect(fixture.finish(late)).toEqual([]);
    expect(fixture.finish({ ...fixture.by(), nodeId: node('n2') })).toEqual([]);
    expect(fixture.finish()).toEqual([`TaskCompleted t-1 n1@${late.epoch + 1}`]);
    expect(lookUp(fixture.table.tasks, T1)).toBeUndefined();
    expect(lookUp(fixture.table.backups, 's1/p1')).toMatchObject({
      epoch: late.epoch + 1,
      bytes: 512,
      lastScrub: null,
    });
  });

  it('with another kind’s result is parked: nobody may read it', () => {
    const fixture = runningAt('n1');
    const result = { manifest: 'ab'.repeat(32), pieces: 1, damagedPieces: 0, damaged: [] };
    const end = { type: 'NoteFinished', ...fixture.by(), result, doneBytes: 1, durationMs: 1 } as const;
    expect(fixture.do(end)).toEqual(['TaskParked t-1 RESULT_INVALID']);
  });

  it('says how far it is, and the next order says where to go on', () => {
    const fixture = runningAt('n2');
    const { epoch } = fixture.by();
    expect(fixture.checkpoint(300)).toEqual(['TasksCheckpointed t-1:300']);
    fixture.close('n2');
    const resume = { fromEpoch: epoch, token: '300', doneBytes: 300 };
    expect(fixture.history.at(-1)).toMatchObject({ type: 'TaskMoved', data: { resume } });
    expect(fixture.work().checkpoint).toMatchObject({ epoch, doneBytes: 300 });
  });

  it('goes on from what was sealed before, when the attempt between told nothing', () => {
    const fixture = runningAt('n2');
    const { epoch } = fixture.by();
    fixture.checkpoint(300);
    fixture.close('n2');
    fixture.open('n2');
    fixture.close('n1');
    expect(fixture.history.findLast(({ type }) => type === 'TaskMoved')?.data).toMatchObject({
      resume: { fromEpoch: epoch, doneBytes: 300 },
    });
  });

  it('is not further than at its end, whatever its node says', () => {
    const fixture = runningAt('n2');
    fixture.checkpoint(9_999_999);
    expect(fixture.work().checkpoint).toMatchObject({ doneBytes: 1024 });
  });

  it('checkpoints of another node or a lower epoch are late', () => {
    const fixture = runningAt('n2');
    const late = fixture.by();
    fixture.close('n2');
    expect(fixture.checkpoint(300, late)).toEqual([]);
    expect(fixture.checkpoint(300, { ...fixture.by(), nodeId: node('n2') })).toEqual([]);
  });
});

describe('a node', () => {
  it.each(['down', 'impaired', 'retired'] as const)('that is closed, %s, loses its tasks with its systems', (cause) => {
    const fixture = runningAt('n1');
    const why = { down: 'nodeDown', impaired: 'impaired', retired: 'operator' }[cause];
    const { epoch } = fixture.by();
    expect(fixture.close('n1', cause)).toEqual([
      `NodeClosed n1 ${cause}`,
      `TaskMoved serve-s1 n1→n2@2 ${why}`,
      `TaskMoved t-1 n1→n2@${epoch + 1} ${why}`,
    ]);
  });

  it('whose agent or watchdog is impaired keeps its systems and loses its tasks', () => {
    const fixture = runningAt('n1');
    const { epoch } = fixture.by();
    expect(fixture.isolate('n1', 'impaired')).toEqual([
      'NodeCordoned n1 impaired',
      `TaskMoved t-1 n1→n2@${epoch + 1} impaired`,
    ]);
  });

  it('that is isolated keeps its systems, and its tasks for 30 s, not a millisecond less', () => {
    const fixture = runningAt('n1');
    const { epoch } = fixture.by();
    expect(fixture.isolate('n1')).toEqual(['NodeCordoned n1 isolated']);
    fixture.wait(29_999);
    expect(fixture.settle()).toEqual([]);
    fixture.wait(1);
    expect(fixture.settle()).toEqual([`TaskMoved t-1 n1→n2@${epoch + 1} isolated`]);
  });

  it.each(['suspect', 'partitioned'] as const)('that is %s keeps its tasks and gets nothing new', (cause) => {
    const fixture = runningAt('n1');
    fixture.isolate('n1', cause);
    fixture.wait(600_000);
    expect(fixture.settle()).toEqual([]);
    fixture.serve('s2');
    fixture.submit({ taskId: 't-2' as TaskId, systemId: 's2' as SystemId });
    fixture.freeze('t-2' as TaskId);
    expect(fixture.work('t-2' as TaskId).nodeId).toBe('n2');
  });

  it('whose agent starts anew keeps its tasks at the next epoch: its workers ended with the old one', () => {
    const fixture = runningAt('n2');
    const { epoch } = fixture.by();
    fixture.checkpoint(300);
    const started = { type: 'ReofferTasks', nodeId: node('n2') } as const;
    expect(fixture.do(started)).toEqual([`TaskAssigned t-1 n2@${epoch + 1} nodeStarted`]);
    expect(fixture.history.at(-1)?.data).toMatchObject({ resume: { fromEpoch: epoch, doneBytes: 300 } });
    expect(fixture.hold().do(started)).toEqual([`TaskAssigned t-1 n2@${epoch + 2} nodeStarted`]);
  });

  it('whose agent started anew says nothing more of the attempt before: it is late, though the node is the same', () => {
    const fixture = runningAt('n2');
    const late = fixture.by();
    fixture.do({ type: 'ReofferTasks', nodeId: node('n2') });
    expect(fixture.do({ type: 'NoteTaken', ...late, tookMs: 1 })).toEqual([]);
    expect(fixture.checkpoint(300, late)).toEqual([]);
    expect(fixture.finish(late)).toEqual([]);
    expect(fixture.work()).toMatchObject({ phase: 'assigned', checkpoint: null });
  });

  it('that comes back before anybody could take its task goes on with it', () => {
    const fixture = BackgroundTable.serving().running('n1');
    expect(fixture.close('n1')).toContain('TaskDeferred t-1 {"down":1}');
    expect(fixture.do({ type: 'ReofferTasks', nodeId: node('n1') })).toContain('TaskAssigned t-1 n1@2 nodeStarted');
  });

  it('loses no more than 200 tasks in one decision, systems first; the rest follows in the next', () => {
    const fixture = BackgroundTable.serving('n2').running('n1');
    const many = Array.from({ length: ORDERS_AT_MOST }, (_, n) => ({
      ...{ ...fixture.work(), taskId: `t-x${n}` as TaskId, cost: 0.1 },
    }));
    const before = valuesOf(fixture.table.tasks);
    fixture.table = { ...fixture.table, tasks: emptyMap };
    fixture.put(...many, ...before);
    const first = fixture.close('n1');
    expect(first.slice(0, 2)).toEqual(['NodeClosed n1 down', 'TaskMoved serve-s1 n1→n2@2 nodeDown']);
    expect(first).toHaveLength(2 + ORDERS_AT_MOST);
    expect(fixture.settle()).toHaveLength(1);
    expect(fixture.settle()).toEqual([]);
  });
});

it('what waits for room is placed when something ends', () => {
  const fixture = BackgroundTable.serving();
  fixture.submit({ bytesPerSec: 90 });
  fixture.freeze();
  fixture.serve('s2');
  fixture.submit({ taskId: 't-2' as TaskId, systemId: 's2' as SystemId, bytesPerSec: 50 });
  fixture.do({ type: 'NoteTaken', ...fixture.by(), tookMs: 1 });
  expect(fixture.finish()).toEqual(['TaskCompleted t-1 n1@1', 'PointOrdered t-2 n1@1']);
});

describe('a brake', () => {
  it('holds tasks of a lost node; facts and ends go on', () => {
    const fixture = runningAt('n2').hold();
    const { epoch } = fixture.by();
    expect(fixture.close('n2')).toEqual(['NodeClosed n2 down']);
    expect(fixture.resume()).toEqual(['PlacementResumed halted', `TaskMoved t-1 n2→n1@${epoch + 1} nodeDown`]);
    fixture.hold();
    expect(fixture.do({ type: 'NoteTaken', ...fixture.by(), tookMs: 1 })).toHaveLength(1);
    expect(fixture.checkpoint(10)).toHaveLength(1);
    expect(fixture.finish()).toHaveLength(1);
  });
});

describe('a system that ends', () => {
  it('takes its snapshots with it, first; a scrub of its backup goes on', () => {
    const fixture = BackgroundTable.serving('n2').backedUp();
    fixture.submit({ taskId: 't-2' as TaskId, pointId: 'p2' as never });
    fixture.submit({ taskId: 't-3' as TaskId, kind: 'scrub', ...P1 });
    expect(fixture.retire()).toEqual(['TaskCancelled t-2 retirement', 'TaskRecalled serve-s1 n1@1']);
    expect(fixture.work('t-3' as TaskId).phase).toBe('assigned');
  });

  it('is retired when its own task ends, not when its snapshot does', () => {
    const fixture = runningAt('n2');
    fixture.systems['s1'] = { ...fixture.systems['s1'], phase: 'retiring' } as never;
    fixture.retire();
    expect(fixture.systems).toMatchObject({ s1: { phase: 'retiring' } });
  });

  it('before it was created takes its waiting snapshots with it', () => {
    const fixture = new BackgroundTable();
    fixture.open('n1');
    fixture.admit('s1');
    fixture.submit();
    expect(fixture.decline('s1', 'NO_SPACE')).toEqual([
      'TaskCancelled t-1 creationFailed',
      'TaskCancelled serve-s1 creationFailed',
    ]);
  });
});

it('grants belong to systems: the order of a snapshot counts no epoch of its system', () => {
  const fixture: FixtureTable = runningAt('n2');
  fixture.close('n2');
  expect(fixture.systems['s1']).toMatchObject({ epoch: 1 });
});
