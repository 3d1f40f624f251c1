import fc from 'fast-check';
import { lookUp, valuesOf } from './persistent-map';
import type { TableAction } from './routing-table.decider';
import type { TableEvent } from './routing-table';
import { FixtureTable, node, taskOf } from './table-fixture';
import type { Task } from './task';

const NODES = ['n1', 'n2', 'n3', 'n4'];
const SYSTEMS = ['s1', 's2', 's3', 's4', 's5', 's6'];
const BRAKES = ['halted', 'blind', 'frozen'] as const;

type Step = (fixture: FixtureTable) => void;

/** Anything that can happen to a table, in any order: facts may be late, of the wrong node, or of an old epoch. */
const step: fc.Arbitrary<Step> = (() => {
  const anyNode = fc.constantFrom(...NODES);
  const anySystem = fc.constantFrom(...SYSTEMS);
  const act = (action: fc.Arbitrary<TableAction>) =>
    action.map(
      (a): Step =>
        (fixture) =>
          void fixture.do(a),
    );
  const admitted = (name: string) => (fixture: FixtureTable) => lookUp(fixture.table.tasks, taskOf(name)) !== undefined;

  const fact = fc.record({
    type: fc.constantFrom('NoteTaken', 'NoteBlocked', 'NoteDeclined', 'NoteFaulted'),
    nodeId: anyNode.map(node),
    taskId: anySystem.map(taskOf),
    epoch: fc.integer({ min: 1, max: 6 }),
    tookMs: fc.constant(1),
    waitsFor: fc.constant('mediumLock'),
    code: fc.constantFrom('ENGINE_DOWN', 'WATCHDOG_DEAD'),
    highestEpoch: fc.constant(0),
    errorClass: fc.constantFrom('node', 'busy'),
  }) as fc.Arbitrary<TableAction>;
  const byOwner = (answer: (fixture: FixtureTable, name: string) => void) =>
    anySystem.map((name): Step => (fixture) => {
      if (admitted(name)(fixture) && fixture.task(name).nodeId !== null) answer(fixture, name);
    });

  return fc.oneof<fc.Arbitrary<Step>[]>(
    anyNode.map(
      (nodeId): Step =>
        (fixture) =>
          void fixture.open(nodeId),
    ),
    act(
      fc.record({
        type: fc.constant('CloseNode' as const),
        nodeId: anyNode.map(node),
        cause: fc.constantFrom('down', 'impaired'),
      }),
    ),
    act(
      fc.record({
        type: fc.constant('CordonNode' as const),
        nodeId: anyNode.map(node),
        cause: fc.constant('suspect' as const),
      }),
    ),
    act(fc.record({ type: fc.constant('WithdrawSuspicion' as const), nodeId: anyNode.map(node) })),
    act(fc.record({ type: fc.constant('ReofferTasks' as const), nodeId: anyNode.map(node) })),
    act(
      fc.record({
        type: fc.constantFrom('HoldPlacement' as const, 'ResumePlacement' as const),
        brake: fc.constantFrom(...BRAKES),
      }),
    ),
    act(fc.record({ type: fc.constant('CheckTask' as const), taskId: anySystem.map(taskOf) })),
    anySystem.map(
      (name): Step =>
        (fixture) =>
          void (admitted(name)(fixture) || fixture.systems[name] || fixture.admit(name)),
    ),
    fc.integer({ min: 1, max: 40_000 }).map(
      (ms): Step =>
        (fixture) =>
          void fixture.wait(ms),
    ),
    act(fact),
    byOwner((fixture, name) => fixture.take(name)),
    byOwner((fixture, name) => fixture.decline(name, 'ENGINE_DOWN')),
  );
})();

const steps = fc.array(step, { minLength: 1, maxLength: 80 });

/** The orders at a new epoch. */
function grantsIn(events: readonly TableEvent[]) {
  const isGrant = ({ type, data }: TableEvent) =>
    type === 'TaskMoved' || (type === 'TaskAssigned' && data.cause !== 'nodeStarted');
  return events.filter(isGrant).map(({ data }) => data as { taskId: string; nodeId: string; epoch: number });
}

it('has one owner per system and epoch, and epochs that only rise by one', () => {
  fc.assert(
    fc.property(steps, (run) => {
      const fixture = new FixtureTable();
      // The systems' streams refuse an epoch that is not the next: a grant without its order would show there.
      for (const act of run) act(fixture);
      const last: Record<string, number> = {};
      for (const { taskId, epoch } of grantsIn(fixture.history)) {
        expect(epoch).toBe((last[taskId] ?? 0) + 1);
        last[taskId] = epoch;
      }
      for (const task of valuesOf(fixture.table.tasks)) {
        expect(fixture.systems[task.systemId]?.epoch).toBe(task.epoch);
      }
    }),
  );
});

it('moves the orphans of one failure and nothing else', () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(...NODES), (run, failing) => {
      const fixture = FixtureTable.withNodes(...NODES);
      for (const act of run) act(fixture);
      for (const brake of [...BRAKES]) fixture.do({ type: 'ResumePlacement', brake });
      const before = fixture.table.tasks;
      const seen = fixture.history.length;
      fixture.close(failing);
      const placed = (taskId: string) =>
        lookUp(before, taskId)?.phase === 'pending' || lookUp(before, taskId)?.phase === 'retrying';
      for (const { taskId } of grantsIn(fixture.history.slice(seen))) {
        // What was waiting for a place before may find its time has come; nothing that had one is touched.
        const orphaned = lookUp(before, taskId)?.nodeId;
        expect(orphaned === failing || placed(taskId)).toBe(true);
      }
    }),
  );
});

it('makes no grant under a brake', () => {
  fc.assert(
    fc.property(steps, (run) => {
      const fixture = FixtureTable.withNodes('n1', 'n2');
      for (const act of run) {
        const held = fixture.table.brakes.length > 0;
        const seen = fixture.history.length;
        act(fixture);
        const events = fixture.history.slice(seen);
        if (held && !events.some(({ type }) => type === 'PlacementResumed')) expect(grantsIn(events)).toEqual([]);
      }
    }),
  );
});

/** Its owner's agent started anew after its node was closed, and was offered what it had: it answers, or it is asked again. */
function offeredAgain(history: readonly TableEvent[], { taskId, nodeId }: Pick<Task, 'taskId' | 'nodeId'>): boolean {
  const closed = history.findLastIndex(({ type, data }) => type === 'NodeClosed' && data.nodeId === nodeId);
  return history
    .slice(closed + 1)
    .some(({ type, data }) => type === 'TaskAssigned' && data.taskId === taskId && data.cause === 'nodeStarted');
}

it('has each system with a node that may carry it, offered to its own again, or waiting with a reason', () => {
  fc.assert(
    fc.property(steps, (run) => {
      const fixture = new FixtureTable();
      for (const act of run) act(fixture);
      for (const brake of [...BRAKES]) fixture.do({ type: 'ResumePlacement', brake });
      for (const { taskId, nodeId, phase, deferred, notBefore } of valuesOf(fixture.table.tasks)) {
        const owner = nodeId ? fixture.table.nodes[nodeId] : undefined;
        const carried = owner !== undefined && owner.state !== 'closed';
        if (phase === 'retrying') expect(notBefore).not.toBeNull();
        else if (!carried && !offeredAgain(fixture.history, { taskId, nodeId })) expect(deferred).not.toBeNull();
      }
    }),
  );
});

it('never gives a system to a node that is not open', () => {
  fc.assert(
    fc.property(steps, (run) => {
      const fixture = new FixtureTable();
      for (const act of run) {
        const seen = fixture.history.length;
        act(fixture);
        for (const { nodeId } of grantsIn(fixture.history.slice(seen))) {
          expect(fixture.table.nodes[nodeId]?.state).toBe('open');
        }
      }
    }),
  );
});
