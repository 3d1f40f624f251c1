import type { NodeId } from '@holdfast/contracts';
import fc from 'fast-check';
import { planChange, planDrain, planRebalance } from './plan';
import { planDigest } from './plan-digest';
import { work, WorkTable } from './work-fixture';

const id = (name: string) => name as NodeId;
const drainOf = (table: WorkTable, nodeId = 'n1') =>
  planDrain(table.table, table.known, { nodeId: id(nodeId), deadlineMs: 600_000 });
const rebalanceOf = (table: WorkTable) => planRebalance(table.table, table.known);
const lossOf = (table: WorkTable, nodeId = 'n1') =>
  planChange(table.table, table.known, { type: 'loss', nodeId: id(nodeId) });
const joinOf = (table: WorkTable, like = 'n1') =>
  planChange(table.table, table.known, { type: 'join', likeNodeId: id(like) });
const codes = ({ findings }: { findings: readonly { code: string }[] }) => findings.map(({ code }) => code);

/** s1 and three pieces of work on n1, one of which is about to end; n2 is free. */
function busy(): WorkTable {
  const table = WorkTable.withNodes('n1').serve('s1');
  table.open('n2');
  table.running('1', 'n1').running('2', 'n1').running('3', 'n1');
  table.leftMs = { 't-1': 3_600_000, 't-2': 60_000, 't-3': 3_600_000 };
  return table;
}

describe('the plan of a drain', () => {
  it('shows what finishes, what is recalled, and the systems last, in that order', () => {
    const plan = drainOf(busy());
    expect(plan.steps.map(({ does, taskId, toNodeId }) => `${does} ${taskId} ${toNodeId}`)).toEqual([
      'finish t-2 null',
      'recall t-1 n2',
      'recall t-3 n2',
      'move serve-s1 n2',
    ]);
    expect(plan).toMatchObject({ reconnects: 1, shortfall: 0, more: 0 });
    expect(codes(plan)).toEqual(['RECONNECTS']);
  });

  it('shows what finds no room, and how much is missing', () => {
    const table = WorkTable.withNodes('n1', 'n2').running('1', 'n1', 50).running('2', 'n2', 60);
    const plan = drainOf(table);
    expect(plan.steps).toMatchObject([{ does: 'wait', taskId: 't-1', blockedBy: { capacity: 1, draining: 1 } }]);
    expect(plan.shortfall).toBe(50);
    expect(codes(plan)).toEqual(['CAPACITY_SHORT']);
  });

  it('shows the systems that no other node could serve', () => {
    const plan = drainOf(WorkTable.withNodes('n1').serve('s1'));
    expect(plan.steps).toMatchObject([{ does: 'wait', taskId: 'serve-s1' }]);
    expect(codes(plan)).toEqual(['ONLY_NODE_WITH_MEDIUM']);
    expect(plan.shortfall).toBe(0);
  });

  it('tells what speaks against it before all that it costs, however much that is', () => {
    const table = WorkTable.withNodes('n1', 'n2').running('1', 'n1', 50).running('2', 'n2', 60);
    for (let nth = 0; nth < 300; nth++) table.serve(`s${nth}`);
    const plan = drainOf(table);
    expect(plan.reconnects).toBeGreaterThan(100);
    expect(plan.findings).toHaveLength(100);
    expect(codes(plan).slice(0, 2)).toEqual(['CAPACITY_SHORT', 'RECONNECTS']);
  });

  it('says that a lost node has nothing to drain', () => {
    const table = busy();
    table.close('n2');
    expect(codes(drainOf(table, 'n2'))).toEqual(['NODE_NOT_OPEN']);
  });

  it('is made under a brake as without, and says so', () => {
    const table = busy();
    const { planDigest } = drainOf(table);
    table.hold();
    const plan = drainOf(table);
    expect(codes(plan)).toContain('PLACEMENT_HELD');
    expect(plan.planDigest).toBe(planDigest);
  });

  it('is what the drain then does', () => {
    const table = busy();
    const planned = drainOf(table).steps.filter(({ does }) => does !== 'finish');
    table.drain('n1');
    table.obey();
    table.leftMs = {};
    table.look();
    table.obey();
    const moves = table.history.flatMap(({ type, data }) =>
      type === 'TaskMoved' && data.taskId !== 't-2' ? [`${data.taskId} ${data.nodeId}`] : [],
    );
    expect(moves).toEqual(planned.map(({ taskId, toNodeId }) => `${taskId} ${toNodeId}`));
  });
});

describe('the plan of a rebalance', () => {
  it('shows each move, and how even it gets', () => {
    const table = WorkTable.withNodes('n1', 'n2');
    for (const name of ['1', '2', '3', '4']) table.running(name, 'n1').leftMs[work(name)] = 3_600_000;
    const plan = rebalanceOf(table);
    expect(plan.steps.map(({ does, fromNodeId, toNodeId }) => `${does} ${fromNodeId} ${toNodeId}`)).toEqual([
      'recall n1 n2',
      'recall n1 n2',
    ]);
    expect(plan.maxOverFair).toEqual({ now: 2, after: 1 });
    expect(plan.reconnects).toBe(0);
  });

  it('says when it is level already, and when a node is away', () => {
    expect(codes(rebalanceOf(busy()))).toEqual([]);
    const even = WorkTable.withNodes('n1', 'n2').running('1', 'n1').running('2', 'n2');
    expect(codes(rebalanceOf(even))).toEqual(['LEVEL_ALREADY']);
    const away = busy();
    away.do({ type: 'CordonNode', nodeId: id('n2'), cause: 'suspect' });
    expect(codes(rebalanceOf(away))).toEqual(['NODE_NOT_OPEN']);
  });
});

describe('the plan of a loss', () => {
  it('shows what would move at once, systems first, and what would wait', () => {
    const table = busy().running('4', 'n1', 95);
    const plan = lossOf(table);
    expect(plan.steps.map(({ does, taskId }) => `${does} ${taskId}`)).toEqual([
      ...['move serve-s1', 'move t-1', 'move t-2', 'move t-3', 'wait t-4'],
    ]);
    expect(plan).toMatchObject({ reconnects: 1, shortfall: 95 });
  });

  it('shows all of it, though one decision orders only 200', () => {
    const table = WorkTable.withNodes('n1', 'n2', 'n3');
    for (let n = 0; n < 250; n++) table.running(`${n}`, 'n1', 0.1);
    expect(lossOf(table).steps).toHaveLength(250);
  });
});

describe('the plan of a join', () => {
  it('gives the new node what waits, then what makes it even, and no system', () => {
    const table = WorkTable.withNodes('n1').serve('s1');
    for (const name of ['1', '2', '3']) table.running(name, 'n1', 25).leftMs[work(name)] = 3_600_000;
    table.waiting('4', 25);
    const plan = joinOf(table);
    expect(plan.steps.map(({ does, taskId, toNodeId }) => `${does} ${taskId} ${toNodeId}`)).toEqual([
      'move t-4 n1-new',
      'recall t-1 n1-new',
    ]);
    expect(plan.reconnects).toBe(0);
  });
});

describe('the digest', () => {
  it('stays while the picture does, whatever time it is', () => {
    const table = busy();
    const { planDigest } = drainOf(table);
    expect(drainOf(table.wait(60_000)).planDigest).toBe(planDigest);
  });

  it('stays while a rate moves within its class, and changes with the class', () => {
    const table = busy();
    const { planDigest } = drainOf(table);
    table.leftMs['t-2'] = 179_000;
    expect(drainOf(table).planDigest).toBe(planDigest);
    table.leftMs['t-2'] = 181_000;
    expect(drainOf(table).planDigest).not.toBe(planDigest);
  });

  it('differs by node, and by change', () => {
    const table = WorkTable.withNodes('n1', 'n2', 'n3');
    expect(drainOf(table, 'n1').planDigest).not.toBe(drainOf(table, 'n2').planDigest);
    expect(drainOf(table, 'n1').planDigest).not.toBe(lossOf(table, 'n1').planDigest);
  });

  it('is the same whatever the order of the keys', () => {
    const step = fc.record({
      ...{
        does: fc.constantFrom('recall', 'move'),
        taskId: fc.string(),
        kind: fc.constant('scrub'),
        subject: fc.string(),
      },
      ...{ fromNodeId: fc.string(), toNodeId: fc.string(), reconnects: fc.boolean() },
      blockedBy: fc.dictionary(fc.string(), fc.nat()),
    });
    const reversed = (value: object) =>
      Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, field]) => [key, turned(field)]),
      );
    const turned = (value: unknown): unknown => (value !== null && typeof value === 'object' ? reversed(value) : value);
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const change = { type: 'drain', nodeId: id('n1') } as const;
        const same = reversed(change) as never;
        expect(planDigest(same, steps.map((one) => turned(one)) as never)).toBe(planDigest(change, steps as never));
      }),
    );
  });
});

it('plans nothing into the table it plans for', () => {
  const table = busy();
  const before = JSON.stringify(table.table);
  drainOf(table);
  lossOf(table);
  joinOf(table);
  rebalanceOf(table);
  expect(JSON.stringify(table.table)).toBe(before);
});
