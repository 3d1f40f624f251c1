import fc from 'fast-check';
import { valuesOf } from './persistent-map';
import { planRebalance } from './plan';
import { fullness, maxOverFair } from './rebalance';
import { routingTableDecider } from './routing-table.decider';
import { work, WorkTable } from './work-fixture';

const requestId = '00000000-0000-4000-8000-000000000009' as never;

/** Work of these costs on n1, n2 … , all with long to go. */
function working(costs: Record<string, number[]>): WorkTable {
  const table = WorkTable.withNodes(...Object.keys(costs));
  for (const [nodeId, each] of Object.entries(costs)) {
    each.forEach((cost, n) => {
      table.running(`${nodeId}-${n}`, nodeId, cost);
      table.leftMs[work(`${nodeId}-${n}`)] = 3_600_000;
    });
  }
  return table;
}

const many = (count: number, cost = 1) => Array.from({ length: count }, () => cost);
const unevenness = (table: WorkTable) => maxOverFair(fullness(table.table));
const levelByItself = (table: WorkTable) => table.do({ type: 'LevelByItself' });

function levelOut(table: WorkTable, planDigest: string | null = null): string[] {
  const plan = planRebalance(table.table, table.known);
  return table.do({ type: 'LevelOut', asked: { requestId, planDigest, plan } });
}

const recallsIn = (lines: string[]) => lines.filter((line) => line.startsWith('TaskRecalled'));

describe('unevenness', () => {
  it('is the largest load over its fair share', () => {
    expect(unevenness(working({ n1: many(6), n2: many(3), n3: many(3) }))).toBe(1.5);
    expect(unevenness(working({ n1: [], n2: [] }))).toBe(1);
  });

  it('counts what is underway where it goes', () => {
    const table = working({ n1: many(2), n2: [] });
    levelOut(table);
    expect(unevenness(table)).toBe(1);
  });
});

describe('by itself', () => {
  it('starts above 1.20, not at it', () => {
    expect(levelByItself(working({ n1: many(12), n2: many(8) }))).toEqual([]);
    expect(levelByItself(working({ n1: many(13), n2: many(8) }))[0]).toBe('RebalanceStarted automatic');
  });

  it('does not start where no move would help', () => {
    expect(levelByItself(working({ n1: [10], n2: [] }))).toEqual([]);
  });

  it('does not start while a node is suspect, down or drained', () => {
    const uneven = () => working({ n1: many(9), n2: many(3), n3: many(3) });
    const suspect = uneven();
    suspect.do({ type: 'CordonNode', nodeId: 'n3' as never, cause: 'suspect' });
    expect(levelByItself(suspect)).toEqual([]);
    const down = uneven();
    down.close('n3');
    expect(levelByItself(down)).toEqual([]);
    const drained = uneven();
    drained.drain('n3');
    expect(levelByItself(drained)).toEqual([]);
    const retired = uneven();
    retired.open('n4');
    retired.close('n4', 'retired');
    expect(levelByItself(retired)[0]).toBe('RebalanceStarted automatic');
  });

  it('does not start under a brake', () => {
    const table = working({ n1: many(9), n2: many(3) });
    table.hold();
    expect(levelByItself(table)).toEqual([]);
  });
});

describe('a rebalance', () => {
  it('moves two at a time, and the next when one has arrived', () => {
    const table = working({ n1: many(9), n2: [], n3: [] });
    expect(recallsIn(levelByItself(table))).toHaveLength(2);
    expect(recallsIn(table.stop(work('n1-0')))).toHaveLength(1);
  });

  it('ends at 1.08 or below, and says how much it moved', () => {
    const table = working({ n1: many(40), n2: many(10) });
    levelByItself(table);
    const ended = table.obey().find((line) => line.startsWith('RebalanceEnded'));
    expect(unevenness(table)).toBeLessThanOrEqual(1.08);
    const { moves } = table.history.find(({ type }) => type === 'RebalanceEnded')?.data as { moves: number };
    expect(ended).toBe(`RebalanceEnded ${moves}`);
    // 27 of 50 is 1.08.
    expect(moves).toBe(13);
  });

  it('leaves alone what ends within a minute, and what nobody knows the rate of', () => {
    const table = working({ n1: many(3), n2: [] });
    table.leftMs = { 't-n1-0': 59_999, 't-n1-1': 60_000 };
    expect(recallsIn(levelByItself(table))).toEqual(['TaskRecalled t-n1-1 n1@1 rebalance →n2']);
  });

  it('never moves a system', () => {
    const table = WorkTable.withNodes('n1').serve('s1').serve('s2');
    table.open('n2');
    expect(levelOut(table)).toEqual(['RebalanceRejected LEVEL_ALREADY']);
  });

  it('rests under a brake', () => {
    const table = working({ n1: many(9), n2: [] });
    levelByItself(table);
    table.hold();
    expect(recallsIn(table.look())).toEqual([]);
    expect(table.history.some(({ type }) => type === 'RebalanceEnded')).toBe(false);
  });

  it('sends off nothing more when a node turns suspect, and ends when what was underway has arrived', () => {
    const table = working({ n1: many(9), n2: [], n3: [] });
    levelByItself(table);
    table.do({ type: 'CordonNode', nodeId: 'n3' as never, cause: 'suspect' });
    const after = table.obey();
    expect(recallsIn(after)).toEqual([]);
    expect(after).toContain('RebalanceEnded 2');
  });
});

it('does not end while nothing was heard yet of how long work will go on: the balancer has just begun', () => {
  const table = working({ n1: many(4), n2: many(4) });
  table.table = { ...table.table, rebalance: { since: table.at, by: 'operator', moves: 0 } };
  const look = (known: typeof table.known) => routingTableDecider.decide({ type: 'Settle', ...known }, table.table);
  expect(look({ ...table.known, leftMs: undefined })).toEqual([]);
  expect(look(table.known)).toMatchObject([{ type: 'RebalanceEnded' }]);
});

describe('asked for', () => {
  it('levels anything above 1.08', () => {
    expect(levelOut(working({ n1: many(27), n2: many(23) }))).toEqual(['RebalanceRejected LEVEL_ALREADY']);
    expect(levelOut(working({ n1: many(28), n2: many(22) }))[0]).toBe('RebalanceStarted operator');
  });

  it('is refused while one is running, while a node is away, and when the plan has changed', () => {
    const table = working({ n1: many(9), n2: [], n3: [] });
    const { planDigest } = planRebalance(table.table, table.known);
    table.running('more', 'n1', 1);
    expect(levelOut(table, planDigest)).toEqual(['RebalanceRejected PLAN_CHANGED']);
    levelOut(table);
    expect(levelOut(table)).toEqual(['RebalanceRejected RUNNING']);
    table.close('n3');
    table.obey();
    expect(levelOut(table)).toEqual(['RebalanceRejected NODE_NOT_OPEN']);
  });
});

it('never makes a table more uneven, ends, and has at most two moves underway', () => {
  const loads = fc.array(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 8 }), { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(loads, (loads) => {
      const table = working(Object.fromEntries(loads.map((costs, n) => [`n${n}`, costs])));
      const before = unevenness(table);
      levelOut(table);
      for (let steps = 0; table.table.rebalance; steps++) {
        expect(steps).toBeLessThan(200);
        const underway = valuesOf(table.table.tasks).filter(({ recall }) => recall?.cause === 'rebalance');
        expect(underway.length).toBeLessThanOrEqual(2);
        const [first] = underway;
        if (first) table.stop(first.taskId);
        table.obeyOrders();
      }
      expect(unevenness(table)).toBeLessThanOrEqual(before);
    }),
  );
});
