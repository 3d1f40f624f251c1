import { nextLook } from './next-look';
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
