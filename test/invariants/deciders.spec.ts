import type { NodeId } from '@holdfast/contracts';
import { check, type LoggedEvent } from '@holdfast/invariants';
import fc from 'fast-check';
import { play, type Script } from '../../apps/health-monitor/src/domain/simulated-fleet';
import type { TableAction } from '../../apps/load-balancer/src/domain/routing-table.decider';
import { NODES, SYSTEMS, TableRun } from './table-run';

/* The deciders as they are, driven at random: their logs are judged as an operator's would be. */

type Step = (run: TableRun) => void;

const doing = <T>(drawn: fc.Arbitrary<T>, work: (run: TableRun, value: T) => void): fc.Arbitrary<Step> =>
  drawn.map((value) => (run) => work(run, value));
const commanding = (actions: fc.Arbitrary<TableAction>) => doing(actions, (run, action) => run.do(action));

const nodeId = fc.constantFrom(...NODES) as fc.Arbitrary<NodeId>;
const system = fc.constantFrom(...SYSTEMS);
/** Which of those that are there just then. */
const turn = fc.nat({ max: 50 });
const cost = fc.integer({ min: 5, max: 60 });
const brake = fc.constantFrom('halted', 'blind', 'frozen', 'storeRegressed');
const is = <T extends string>(...types: T[]) => fc.constantFrom(...types);

const nodes = [
  fc.record({ type: is('OpenNode'), nodeId, zone: is('z'), budget: fc.constant(100) }),
  fc.record({ type: is('CloseNode'), nodeId, cause: is('down', 'impaired', 'retired') }),
  fc.record({ type: is('CordonNode'), nodeId, cause: is('suspect', 'isolated', 'impaired') }),
  fc.record({ type: is('WithdrawSuspicion', 'ReofferTasks', 'EndMaintenance'), nodeId }),
  fc.record({ type: is('DrainForMaintenance'), nodeId, deadlineMs: fc.constantFrom(1_000, 600_000) }),
  fc.record({ type: is('HoldPlacement', 'ResumePlacement', 'ResumePlacement'), brake }),
  fc.record({ type: is('LevelOut'), asked: fc.constant(null) }),
  fc.record({ type: is('Settle', 'LevelByItself') }),
].map((action) => commanding(action as fc.Arbitrary<TableAction>));

const wishes = [
  doing(system, (run, name) => run.admit(name)),
  doing(system, (run, name) => run.retire(name)),
  doing(system, (run, name) => run.remove(name)),
  doing(fc.tuple(system, cost), (run, [name, rate]) => run.snapshot(name, rate)),
  doing(fc.tuple(turn, cost), (run, [nth, rate]) => run.scrub(nth, rate)),
  doing(turn, (run, nth) =>
    run.withBackup(nth, (backup, requestId) => run.do({ type: 'DeleteBackup', ...backup, requestId })),
  ),
  doing(turn, (run, nth) => run.withBackup(nth, (backup) => run.do({ type: 'NoteBackupDeleted', ...backup }))),
  doing(fc.tuple(turn, is('CancelTask', 'RetryTask')), (run, [nth, type]) =>
    run.withTask(nth, ({ taskId }, requestId) => run.do({ type, taskId, requestId })),
  ),
  doing(turn, (run, nth) =>
    run.withTask(nth, ({ taskId }, requestId) => run.do({ type: 'MoveTask', taskId, requestId, toNodeId: null })),
  ),
];

/** Mostly agents do as they are told. */
const facts = [
  ...(['taken', 'taken', 'taken', 'taken', 'finished', 'stopped', 'declined', 'faulted'] as const).map((told) =>
    doing(turn, (run, nth) => run.hear(nth, told)),
  ),
  doing(turn, (run, nth) => run.withTask(nth, ({ taskId }) => run.do({ type: 'CheckTask', taskId }))),
  doing(fc.constantFrom(100, 5_000, 31_000), (run, ms) => run.wait(ms)),
];

const life = fc.array(fc.oneof(...nodes, ...wishes, ...facts), { minLength: 20, maxLength: 150, size: 'max' });

const broken = (log: readonly LoggedEvent[]) =>
  check(log).predicates.flatMap(({ id, violations }) => violations.map((violation) => ({ id, ...violation })));

it('whatever happens to a routing table, its log breaks no predicate', () => {
  const checked = new Map<string, number>();
  const property = fc.property(life, (steps) => {
    const run = new TableRun();
    for (const name of NODES) run.do({ type: 'OpenNode', nodeId: name as NodeId, zone: 'z', budget: 100 });
    for (const step of steps) step(run);
    expect(broken(run.log)).toEqual([]);
    for (const { id, checked: cases } of check(run.log).predicates) checked.set(id, (checked.get(id) ?? 0) + cases);
  });
  fc.assert(property, { numRuns: 100 });
  // Each has had something to look at.
  const idle = ['B1', 'B2', 'B3', 'H2', 'H3', 'H5', 'L3', 'O2', 'O6', 'O7', 'O8'].filter((id) => !checked.get(id));
  expect(idle).toEqual([]);
});

const span = fc
  .tuple(fc.integer({ min: 2_000, max: 20_000 }), fc.integer({ min: 500, max: 15_000 }))
  .map(([from, ms]) => [from, from + ms] as const);
const ofSome = <T>(value: fc.Arbitrary<T>) => fc.dictionary(fc.constantFrom(...NODES), value, { maxKeys: 2 });
const scripts: fc.Arbitrary<Script> = fc.record({
  nodes: fc.constant(Object.fromEntries(NODES.map((name) => [name, {}]))),
  untilMs: fc.constant(40_000),
  dead: ofSome(fc.array(span, { maxLength: 2 })),
  cut: ofSome(fc.array(span, { maxLength: 2 })),
  unreachable: ofSome(fc.array(span, { maxLength: 1 })),
  restarts: ofSome(fc.integer({ min: 1_000, max: 30_000 }).map((ms) => [ms])),
  stalls: fc.array(span, { maxLength: 1 }),
});

it('whatever happens to the nodes of a cluster, the log of its health breaks no predicate', () => {
  let declared = 0;
  const property = fc.property(scripts, (script) => {
    const watched = NODES.map((name) => ({
      type: 'NodeWatched',
      data: { clusterId: 'alpha', nodeId: name, at: '2026-01-01T00:00:00Z' },
    }));
    const log = [...watched, ...play(script).events].map(({ type, data }, nth): LoggedEvent => {
      const version = nth + 1;
      const named = { position: version, topic: 'holdfast.health', stream: 'cluster-health-alpha', version };
      const ids = { id: `event-${nth}`, correlationId: null, causationId: null };
      return { ...named, ...ids, at: data.at, type, data: data as LoggedEvent['data'] };
    });
    expect(broken(log)).toEqual([]);
    declared += log.filter(({ type }) => type === 'NodeDeclaredDown').length;
  });
  fc.assert(property, { numRuns: 20 });
  expect(declared).toBeGreaterThan(3);
});
