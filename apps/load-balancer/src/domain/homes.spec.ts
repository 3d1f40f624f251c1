import type { NodeId } from '@holdfast/contracts';
import { lookUp, valuesOf } from './persistent-map';
import { WorkTable } from './work-fixture';

/** The subject's first run is over: `home` had it, and is open with two others. */
function ranOnce(): { table: WorkTable; home: NodeId } {
  const table = WorkTable.withNodes('n1', 'n2', 'n3').waiting('first', 10, 'x');
  table.look();
  table.obey();
  const home = table.workOf('first').nodeId as NodeId;
  table.finish('first');
  return { table, home };
}

/** Where the subject's next run goes. */
function next(table: WorkTable, name: string): string | null {
  table.waiting(name, 10, 'x').look();
  table.obey();
  const { nodeId } = table.workOf(name);
  table.finish(name);
  return nodeId;
}

const comesBack = (table: WorkTable, nodeId: NodeId, holdMs: number) =>
  table.do({
    ...{ type: 'OpenNode', nodeId, zone: 'z1', budget: 100 },
    holdUntil: new Date(table.clock + holdMs).toISOString(),
  });

it('runs again where it ran first', () => {
  const { table, home } = ranOnce();
  expect(next(table, 'second')).toBe(home);
});

it('runs elsewhere while home is down, or on hold, and goes home with the next run after that', () => {
  const { table, home } = ranOnce();
  table.close(home);
  expect(next(table, 'second')).not.toBe(home);
  comesBack(table, home, 60_000);
  table.wait(59_999);
  expect(next(table, 'third')).not.toBe(home);
  table.wait(1);
  expect(next(table, 'fourth')).toBe(home);
});

it('does not go home in the middle of a run', () => {
  const { table, home } = ranOnce();
  table.close(home);
  table.waiting('second', 10, 'x').look();
  table.obey();
  const { nodeId } = table.workOf('second');
  comesBack(table, home, 0);
  table.wait(600_000).look();
  expect(table.workOf('second')).toMatchObject({ nodeId, phase: 'running' });
});

it('is home no more after a day away', () => {
  const nodeIds = ['n1', 'n2', 'n3'];
  const runsNextOn = (home: string, awayMs: number) => {
    const table = WorkTable.withNodes(...nodeIds).running('x', home);
    table.finish('x');
    table.wait(1).close(home);
    table.wait(awayMs);
    comesBack(table, home as NodeId, 0);
    return next(table, 'second');
  };
  const day = 24 * 3_600_000;
  expect(nodeIds.map((home) => runsNextOn(home, day - 1))).toEqual(nodeIds);
  // By the draw alone it is the same node, whoever was home.
  expect(new Set(nodeIds.map((home) => runsNextOn(home, day))).size).toBe(1);
});

it('is home no more either when it goes away once more, for a moment', () => {
  const nodeIds = ['n1', 'n2', 'n3'];
  const runsNextOn = (home: string) => {
    const table = WorkTable.withNodes(...nodeIds).running('x', home);
    table.finish('x');
    for (const awayMs of [24 * 3_600_000, 10_000]) {
      table.wait(1).close(home);
      table.wait(awayMs);
      comesBack(table, home as NodeId, 0);
    }
    return next(table, 'second');
  };
  expect(new Set(nodeIds.map(runsNextOn)).size).toBe(1);
});

it('keeps a system where it is, though its home is back', () => {
  const table = WorkTable.withNodes('n1').serve('s1');
  table.open('n2');
  table.close('n1');
  table.take('s1');
  comesBack(table, 'n1' as NodeId, 0);
  table.wait(600_000).look();
  expect(table.task('s1').nodeId).toBe('n2');
});

it('serves on a node on hold rather than nowhere, and elsewhere if there is another', () => {
  const table = WorkTable.withNodes('n1').serve('s1');
  table.open('n2');
  table.close('n2');
  comesBack(table, 'n2' as NodeId, 60_000);
  table.close('n1');
  expect(table.task('s1').nodeId).toBe('n2');
  table.take('s1');
  table.open('n1');
  table.close('n2');
  expect(table.task('s1').nodeId).toBe('n1');
});

it('works on a node on hold rather than nowhere, and elsewhere if there is another', () => {
  const { table, home } = ranOnce();
  const others = ['n1', 'n2', 'n3'].filter((nodeId) => nodeId !== home) as NodeId[];
  for (const nodeId of others) table.close(nodeId);
  comesBack(table, others[0]!, 60_000);
  table.close(home);
  expect(next(table, 'second')).toBe(others[0]);
  comesBack(table, others[1]!, 0);
  expect(next(table, 'third')).toBe(others[1]);
});

it('forgets the home of a backup that is no more', () => {
  const { table } = ranOnce();
  expect(lookUp(table.table.homes, 'scrub backup/s-x/p1')).toBeDefined();
  expect(valuesOf(table.table.homes)).toHaveLength(1);
  table.forget('x');
  expect(valuesOf(table.table.homes)).toEqual([]);
});
