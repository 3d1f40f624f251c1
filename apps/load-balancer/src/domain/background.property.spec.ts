import type { SystemId, TaskId } from '@holdfast/contracts';
import fc from 'fast-check';
import { BackgroundTable, MANIFEST, REQUEST } from './background-fixture';
import { lookUp, valuesOf } from './persistent-map';
import type { TableEvent } from './routing-table';
import { node, taskOf } from './table-fixture';
import { isBackground, type BackgroundTask } from './task';

const NODES = ['n1', 'n2', 'n3'];
const SYSTEMS = ['s1', 's2'];
const BRAKES = ['halted', 'blind', 'frozen'] as const;

type Step = (table: BackgroundTable) => unknown;
type Answer = (table: BackgroundTable, task: BackgroundTask) => unknown;

const anyNode = fc.constantFrom(...NODES);
const anyBrake = fc.constantFrom(...BRAKES);
const troubles = fc.constantFrom('isolated' as const, 'impaired' as const, 'suspect' as const);
const anySystem = fc.constantFrom(...SYSTEMS);
const by = ({ taskId, nodeId, epoch }: BackgroundTask) => ({
  ...{ taskId, nodeId: nodeId ?? node('n1'), epoch },
});

/** What an agent may say of a task; late ones are of an epoch before. */
const answers: Answer[] = [
  (table, task) => table.do({ type: 'NoteTaken', ...by(task), tookMs: 1 }),
  (table, task) => table.do({ type: 'NoteDeclined', ...by(task), code: 'BLOCKED', highestEpoch: 0 }),
  (table, task) => table.do({ type: 'NoteFaulted', ...by(task), errorClass: 'node', code: 'READ_FAILED' }),
  (table, task) => table.do({ type: 'NoteFaulted', ...by(task), errorClass: 'subject', code: 'BAD' }),
  (table, task) => table.do({ type: 'NoteStopped', ...by(task), token: 'x', doneBytes: 10 }),
  (table, task) => table.checkpoint(20, by(task)),
  (table, task) => table.finish(by(task)),
  (table, task) => {
    const result = { manifest: MANIFEST, pieces: 1, damagedPieces: 0, damaged: [] };
    table.do({ type: 'NoteFinished', ...by(task), result, doneBytes: 1, durationMs: 1 });
  },
  (table, task) => {
    const freeze = (task.kind === 'snapshot' && task.freeze) || { nodeId: node('n1'), epoch: 1 };
    table.do({ type: 'NotePointFrozen', taskId: task.taskId, ...freeze, k: 1, frozenAt: table.at });
  },
  (table, task) => {
    const freeze = (task.kind === 'snapshot' && task.freeze) || { nodeId: node('n1'), epoch: 1 };
    table.do({ type: 'NotePointRefused', taskId: task.taskId, ...freeze, code: 'CHAIN_LOCKED' });
  },
];

/** What the task waits for, so that it comes far. */
const inOrder: Answer = (table, task) => {
  if (task.phase === 'freezing') return table.freeze(task.taskId);
  if (task.phase === 'assigned') return table.do({ type: 'NoteTaken', ...by(task), tookMs: 1 });
  return task.phase === 'retrying' ? table.wait(80_000).check(task.taskId) : [];
};

const wishes: Answer[] = [
  (table, { taskId }) => table.do({ type: 'MoveTask', taskId, requestId: REQUEST, toNodeId: null }),
  (table, { taskId }) => table.do({ type: 'MoveTask', taskId, requestId: REQUEST, toNodeId: node('n2') }),
  (table, { taskId }) => table.do({ type: 'CancelTask', taskId, requestId: REQUEST }),
  (table, { taskId }) => table.do({ type: 'RetryTask', taskId, requestId: REQUEST }),
  (table, { taskId }) => table.check(taskId, { silentMs: 0, stillMs: 200_000 }),
  (table, { taskId }) => table.check(taskId),
];

const release: Step = (table) => BRAKES.forEach((brake) => table.do({ type: 'ResumePlacement', brake }));

const ofTask = (all: Answer[]): fc.Arbitrary<Step> =>
  fc
    .record({ say: fc.constantFrom(...all), which: fc.nat(), late: fc.boolean() })
    .map(({ say, which, late }) => (table) => {
      const open = valuesOf(table.table.tasks).filter(isBackground);
      const task = open[which % Math.max(open.length, 1)];
      if (task) say(table, late && which % 3 === 0 ? { ...task, epoch: Math.max(task.epoch - 1, 1) } : task);
    });

const serving: fc.Arbitrary<Step> = anySystem.map((name) => (table) => {
  if (!lookUp(table.table.tasks, taskOf(name))) {
    if (!table.systems[name]) table.admit(name);
  } else if (table.task(name).nodeId !== null) table.take(name);
});

const request: fc.Arbitrary<Step> = fc
  .record({ systemId: anySystem, kind: fc.constantFrom('snapshot', 'scrub'), cost: fc.constantFrom(5, 40, 80) })
  .map(({ systemId, kind, cost }) => (table) => {
    const n = table.history.length;
    const backup = valuesOf(table.table.backups)[0];
    const pointId = (kind === 'scrub' ? (backup?.pointId ?? 'none') : `p${n}`) as never;
    table.submit({ taskId: `t-${n}` as TaskId, kind, systemId: systemId as SystemId, pointId, bytesPerSec: cost });
  });

const does =
  (what: Step): Step =>
  (table) =>
    what(table);

const happenings: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: anyNode.map((nodeId) => does((table) => table.open(nodeId))) },
  { weight: 1, arbitrary: anyNode.map((nodeId) => does((table) => table.close(nodeId))) },
  {
    weight: 1,
    arbitrary: fc.tuple(anyNode, troubles).map(([nodeId, why]) => does((table) => table.isolate(nodeId, why))),
  },
  { weight: 1, arbitrary: anyNode.map((id) => does((table) => table.do({ type: 'ReofferTasks', nodeId: node(id) }))) },
  { weight: 1, arbitrary: anyBrake.map((brake) => does((table) => table.do({ type: 'HoldPlacement', brake }))) },
  // Off more often than on: most of what can happen happens without.
  { weight: 2, arbitrary: fc.constant(does(release)) },
  { weight: 1, arbitrary: fc.constant(does((table) => table.settle())) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 40_000 }).map((ms) => does((table) => table.wait(ms))) },
);

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: happenings },
    { weight: 2, arbitrary: request },
    { weight: 1, arbitrary: serving },
    { weight: 3, arbitrary: ofTask([inOrder]) },
    { weight: 4, arbitrary: ofTask(answers) },
    { weight: 2, arbitrary: ofTask(wishes) },
  ),
  { minLength: 40, maxLength: 120, size: 'max' },
);

function run(acts: readonly Step[]): BackgroundTable {
  const table = new BackgroundTable();
  for (const nodeId of NODES) table.open(nodeId);
  for (const name of SYSTEMS) table.serve(name);
  for (const act of acts) act(table);
  return table;
}

type Order = Extract<TableEvent, { type: 'TaskAssigned' | 'TaskMoved' }>;
const isOrder = (event: TableEvent): event is Order =>
  (event.type === 'TaskAssigned' || event.type === 'TaskMoved') && event.data.kind !== 'serve';

it('orders each epoch of a task once, and ends it once, by its last owner’s word', () => {
  fc.assert(
    fc.property(steps, (acts) => {
      const last: Record<string, { nodeId: string; epoch: number }> = {};
      const ended = new Set<string>();
      for (const event of run(acts).history) {
        const { type, data } = event;
        if (isOrder(event)) {
          const { taskId, nodeId, epoch } = event.data;
          expect(epoch).toBe((last[taskId]?.epoch ?? 0) + 1);
          last[taskId] = { nodeId, epoch };
        }
        if (type === 'TaskCompleted') expect(last[data.taskId]).toEqual({ nodeId: data.nodeId, epoch: data.epoch });
        if (type !== 'TaskCompleted' && type !== 'TaskCancelled') continue;
        expect(ended.has(data.taskId)).toBe(false);
        ended.add(data.taskId);
      }
    }),
  );
});

it('moves what one failed node had, and else only places what waits', () => {
  fc.assert(
    fc.property(steps, anyNode, (acts, failing) => {
      const table = run(acts);
      release(table);
      table.settle(); // What time has made due is not the failure's doing.
      const before = table.table.tasks;
      const seen = table.history.length;
      table.close(failing);
      for (const { data } of table.history.slice(seen).filter(isOrder)) {
        const owner = lookUp(before, data.taskId)?.nodeId;
        expect([failing, null]).toContain(owner);
      }
    }),
  );
});

/** Ends are no moves: a person's cancellation is carried out, and a re-offer to a new agent is the same owner's. */
const isHeldBack = ({ type, data }: TableEvent): boolean => {
  if (type === 'TaskRecalled') return data.cause !== 'cancel' && data.cause !== 'retirement';
  if (type === 'TaskAssigned') return data.cause !== 'nodeStarted';
  return type === 'TaskMoved' || type === 'PointOrdered';
};

it('orders, moves and recalls nothing under a brake', () => {
  fc.assert(
    fc.property(steps, (acts) => {
      const table = run([]);
      for (const act of acts) {
        const held = table.table.brakes.length > 0;
        const seen = table.history.length;
        act(table);
        const events = table.history.slice(seen);
        const released = events.some(({ type }) => type === 'PlacementResumed');
        if (held && !released) expect(events.filter(isHeldBack)).toEqual([]);
      }
    }),
  );
});

/** With a node that may carry it, with a time when it is tried again, or with the reason why it waits. */
function isAccountedFor({ nodes }: BackgroundTable['table'], task: BackgroundTask): boolean {
  switch (task.phase) {
    case 'freezing':
      return task.kind === 'snapshot' && task.freeze !== null && nodes[task.freeze.nodeId] !== undefined;
    case 'retrying':
      return task.notBefore !== null;
    case 'parked':
      return true;
    default: {
      const owner = task.nodeId ? nodes[task.nodeId] : undefined;
      return (owner !== undefined && owner.state !== 'closed') || task.deferred !== null;
    }
  }
}

it('has every admitted task running, moving, waiting with a reason, or ended', () => {
  fc.assert(
    fc.property(steps, (acts) => {
      const table = run(acts);
      release(table);
      table.settle();
      const ended = new Set(
        table.history.flatMap(({ type, data }) =>
          type === 'TaskCompleted' || type === 'TaskCancelled' ? [data.taskId] : [],
        ),
      );
      for (const { type, data } of table.history) {
        if (type !== 'TaskAdmitted' || data.kind === 'serve') continue;
        const task = lookUp(table.table.tasks, data.taskId);
        if (task && isBackground(task)) expect([task, isAccountedFor(table.table, task)]).toEqual([task, true]);
        else expect(ended.has(data.taskId)).toBe(true);
      }
    }),
  );
});

it('gives work only to open nodes, and never more than they can spare', () => {
  fc.assert(
    fc.property(steps, (acts) => {
      const table = run([]);
      for (const act of acts) {
        const seen = table.history.length;
        act(table);
        const placed = table.history.slice(seen).filter(isOrder);
        for (const { data } of placed) {
          if (data.cause === 'nodeStarted' || data.cause === 'kept') continue;
          expect(table.table.nodes[data.nodeId]?.state).toBe('open');
          const tasks = valuesOf(table.table.tasks).filter((task) => isBackground(task) && task.nodeId === data.nodeId);
          expect(tasks.reduce((sum, { cost }) => sum + cost, 0)).toBeLessThanOrEqual(90);
        }
      }
    }),
  );
});
