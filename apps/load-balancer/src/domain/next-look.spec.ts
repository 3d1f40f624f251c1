import { BackgroundTable, REQUEST, T1 } from './background-fixture';
import { nextLook, nextSettle } from './next-look';
import { FixtureTable, node, T0, taskOf } from './table-fixture';

const due = (fixture: FixtureTable) => {
  const at = nextLook(fixture.table, fixture.task('s1'), { at: fixture.at, takenMs: 5_000 });
  return at === null ? null : Date.parse(at) - T0;
};

it('an order is looked at 5 s after it was given, and each 5 s while something forbids to judge it', () => {
  const fixture = FixtureTable.withNodes('n1');
  fixture.admit('s1');
  expect(due(fixture)).toBe(5_000);
  expect(due(fixture.wait(4_999))).toBe(5_000);
  expect(due(fixture.wait(1))).toBe(10_000);
});

it('a system that is served or held waits for nothing that time brings', () => {
  expect(due(FixtureTable.withNodes('n1').serve('s1'))).toBeNull();
  const fixture = FixtureTable.withNodes('n1');
  fixture.admit('s1');
  fixture.do({ type: 'NoteBlocked', ...fixture.owner('s1'), waitsFor: 'address' });
  expect(due(fixture)).toBeNull();
});

it('one that nobody can take, or whose node is gone, is tried each 30 s', () => {
  const pending = new FixtureTable();
  pending.admit('s1');
  expect(due(pending)).toBe(30_000);
  const orphan = FixtureTable.withNodes('n1').serve('s1');
  orphan.close('n1');
  expect(due(orphan.wait(1_000))).toBe(31_000);
});

it('a retry and a recall have their times', () => {
  const retrying = FixtureTable.withNodes('n1').serve('s1');
  retrying.do({ type: 'NoteFaulted', ...retrying.owner('s1'), errorClass: 'busy', code: 'X' });
  expect(due(retrying)).toBe(30_000);
  expect(due(retrying.wait(30_000))).toBe(60_000);
  const stopping = FixtureTable.withNodes('n1').serve('s1');
  stopping.do({ type: 'RetireTask', taskId: taskOf('s1') });
  expect(due(stopping)).toBe(30_000);
  expect(node('n1')).toBe(stopping.owner('s1').nodeId);
});

describe('background work', () => {
  const look = (fixture: BackgroundTable, stillMs = 0) => {
    const at = nextLook(fixture.table, fixture.work(), { at: fixture.at, takenMs: 5_000, stillMs });
    return at === null ? null : Date.parse(at) - fixture.clock;
  };
  const settles = (fixture: BackgroundTable) => {
    const at = nextSettle(fixture.table, { at: fixture.at });
    return at === null ? null : Date.parse(at) - fixture.clock;
  };

  it('is looked at when its point, its start, its stop or its retry is due', () => {
    const fixture = BackgroundTable.serving('n2');
    fixture.submit();
    expect(look(fixture)).toBe(10_000);
    fixture.freeze();
    expect(look(fixture)).toBe(5_000);
    fixture.do({ type: 'NoteTaken', ...fixture.by(), tookMs: 1 });
    fixture.do({ type: 'CancelTask', taskId: T1, requestId: REQUEST });
    expect(look(fixture)).toBe(30_000);
    const failed = BackgroundTable.serving('n2').running('n1');
    failed.fault('busy');
    expect(look(failed)).toBe(5_000);
    failed.wait(5_000);
    expect(look(failed)).toBe(30_000); // A brake held it: its end settles, and so does this.
    const parked = BackgroundTable.serving('n2').running('n1');
    parked.fault('subject');
    expect(look(parked)).toBeNull();
  });

  it('that runs is looked at when it would be stalled, and when it would be so for good', () => {
    const fixture = BackgroundTable.serving('n2').running('n1');
    expect(look(fixture)).toBe(60_000);
    expect(look(fixture, 50_000)).toBe(10_000);
    fixture.wait(60_000);
    fixture.check(T1, { silentMs: 0, stillMs: 60_000 });
    expect(look(fixture, 60_000)).toBe(120_000);
    expect(look(fixture, 180_000)).toBe(30_000);
  });

  it('that waits for room has the table settled at the same instants for all, each 30 s', () => {
    const fixture = BackgroundTable.serving();
    expect(settles(fixture)).toBeNull();
    fixture.isolate('n1', 'suspect');
    fixture.submit();
    expect(settles(fixture)).toBe(30_000);
    fixture.wait(10_000);
    expect(settles(fixture)).toBe(20_000);
    expect(settles(fixture.hold())).toBeNull();
  });

  it('of an isolated node has it settled when 30 s are over', () => {
    const fixture = BackgroundTable.serving('n2').running('n1');
    fixture.isolate('n1');
    fixture.wait(12_000);
    expect(settles(fixture)).toBe(18_000);
    fixture.wait(18_000);
    expect(settles(fixture)).toBe(0);
    fixture.settle();
    expect(settles(fixture)).toBeNull();
  });
});
