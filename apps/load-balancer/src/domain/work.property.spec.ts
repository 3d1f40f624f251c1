import type { NodeId } from '@holdfast/contracts';
import fc from 'fast-check';
import { lookUp, valuesOf } from './persistent-map';
import type { TableEvent } from './routing-table';
import { WorkTable } from './work-fixture';

const NODES = ['n1', 'n2', 'n3', 'n4'];
const BUDGET = 100;

type Step = (table: WorkTable) => void;
const anyNode = fc.constantFrom(...NODES).map((name) => name as NodeId);

/** Anything that can happen to nodes and to their work, in any order; mostly more work, and agents that do it. */
const step: fc.Arbitrary<Step> = fc.oneof(
  often(
    6,
    fc.integer({ min: 5, max: 40 }).map((cost) => (table) => {
      const name = `${valuesOf(table.table.tasks).length}-${table.history.length}`;
      table.leftMs[`t-${name}`] = 3_600_000;
      table.waiting(name, cost).look();
    }),
  ),
  often(
    3,
    fc.constant((table) => table.obeyOrders()),
  ),
  often(
    3,
    fc.nat().map((which) => (table) => {
      const stopping = valuesOf(table.table.tasks).filter(({ phase }) => phase === 'stopping');
      const one = stopping[which % Math.max(1, stopping.length)];
      if (one) table.stop(one.taskId);
    }),
  ),
  often(
    2,
    anyNode.map((nodeId) => (table) => void table.drain(nodeId)),
  ),
  often(
    1,
    fc.nat().map((which) => (table) => {
      const running = valuesOf(table.table.tasks).filter(({ phase }) => phase === 'running');
      const one = running[which % Math.max(1, running.length)];
      if (one) table.finish(one.taskId.slice('t-'.length));
    }),
  ),
  ...[
    anyNode.map(
      (nodeId): Step =>
        (table) =>
          void table.open(nodeId, BUDGET),
    ),
    anyNode.map(
      (nodeId): Step =>
        (table) =>
          void table.close(nodeId),
    ),
    anyNode.map(
      (nodeId): Step =>
        (table) =>
          void table.do({ type: 'CordonNode', nodeId, cause: 'suspect' }),
    ),
    anyNode.map(
      (nodeId): Step =>
        (table) =>
          void table.do({ type: 'WithdrawSuspicion', nodeId }),
    ),
    anyNode.map(
      (nodeId): Step =>
        (table) =>
          void table.do({ type: 'EndMaintenance', nodeId }),
    ),
    fc.constant<Step>((table) => void table.do({ type: 'LevelByItself' })),
    fc.constant<Step>((table) => void table.obey()),
    fc.integer({ min: 1, max: 40_000 }).map(
      (ms): Step =>
        (table) =>
          void table.wait(ms).look(),
    ),
    fc.constant<Step>((table) => void table.hold()),
    fc.constant<Step>((table) => void table.do({ type: 'ResumePlacement', brake: 'halted' })),
  ].map((arbitrary) => often(1, arbitrary)),
);
const steps = fc.array(step, { minLength: 20, maxLength: 80 });

function often(weight: number, arbitrary: fc.Arbitrary<Step>) {
  return { weight, arbitrary };
}

function during(table: WorkTable, act: Step): TableEvent[] {
  const seen = table.history.length;
  act(table);
  return table.history.slice(seen);
}

it('never promises more than a node may carry, both ends of a move counted', () => {
  fc.assert(
    fc.property(steps, (run) => {
      const table = WorkTable.withNodes(...NODES.slice(0, 2));
      for (const act of run) {
        act(table);
        for (const { nodeId } of Object.values(table.table.nodes)) {
          const carried = valuesOf(table.table.tasks).filter(
            (task) => task.nodeId === nodeId || task.recall?.toNodeId === nodeId,
          );
          expect(carried.reduce((sum, { cost }) => sum + cost, 0)).toBeLessThanOrEqual(0.9 * BUDGET);
        }
      }
    }),
  );
});

it('moves the work of one lost node and no other', () => {
  fc.assert(
    fc.property(steps, anyNode, (run, lost) => {
      const table = WorkTable.withNodes(...NODES);
      for (const act of run) act(table);
      table.do({ type: 'ResumePlacement', brake: 'halted' });
      const before = table.table.tasks;
      for (const { type, data } of during(table, () => table.close(lost))) {
        if (type === 'TaskMoved') expect(lookUp(before, data.taskId)?.nodeId).toBe(lost);
      }
    }),
  );
});

it('moves and recalls nothing under a brake', () => {
  fc.assert(
    fc.property(steps, (run) => {
      const table = WorkTable.withNodes(...NODES);
      for (const act of run) {
        const held = table.table.brakes.length > 0;
        const types = during(table, act).map(({ type }) => type);
        if (!held || types.includes('PlacementResumed')) continue;
        expect(types).not.toContain('TaskMoved');
        expect(types).not.toContain('TaskRecalled');
        expect(types).not.toContain('TaskAssigned');
      }
    }),
  );
});

it('gives nothing to a node that is drained, suspect or lost', () => {
  fc.assert(
    fc.property(steps, (run) => {
      const table = WorkTable.withNodes(...NODES);
      for (const act of run) {
        for (const { type, data } of during(table, act)) {
          const given = type === 'TaskMoved' || (type === 'TaskAssigned' && data.cause !== 'kept');
          if (given) expect(table.table.nodes[data.nodeId]).toMatchObject({ state: 'open', drain: null });
        }
      }
    }),
  );
});

it('has each task worked on, on its way, or waiting with a reason', () => {
  fc.assert(
    fc.property(steps, (run) => {
      const table = WorkTable.withNodes(...NODES.slice(0, 2));
      for (const act of run) act(table);
      table.do({ type: 'ResumePlacement', brake: 'halted' });
      table.wait(60_000).look();
      for (const { nodeId, phase, deferred } of valuesOf(table.table.tasks)) {
        const owner = nodeId ? table.table.nodes[nodeId] : undefined;
        if (!owner || owner.state === 'closed') expect({ phase, deferred }).not.toMatchObject({ deferred: null });
        else expect(['assigned', 'running', 'stopping']).toContain(phase);
      }
    }),
  );
});

it('empties every drained node for which there is room, and keeps it so', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 20 }), anyNode, (costs, drained) => {
      const table = WorkTable.withNodes(...NODES);
      costs.forEach((cost, n) => table.waiting(`${n}`, cost).look());
      table.obey();
      table.drain(drained);
      table.obey();
      expect(table.table.nodes[drained]?.drain?.state).toBe('drained');
      expect(Object.values(table.owners)).not.toContain(drained);
    }),
  );
});
