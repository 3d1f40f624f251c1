import { type NodeId, type PlacementPlan, serveTaskOf, type SystemId } from '@holdfast/contracts';
import { lookUp } from './persistent-map';
import { planDrain } from './plan';
import { taskOf } from './table-fixture';
import { work, WorkTable } from './work-fixture';

const id = (name: string) => name as NodeId;
const requestId = '00000000-0000-4000-8000-000000000009' as never;

/** n1 has `count` pieces of work, n2 and n3 none. */
function withWork(count: number): WorkTable {
  const table = WorkTable.withNodes('n1', 'n2', 'n3');
  for (let n = 1; n <= count; n++) table.running(`${n}`, 'n1', 1);
  return table;
}

function askDrain(
  table: WorkTable,
  ask: Partial<{ nodeId: string; planDigest: string; plan: PlacementPlan; force: boolean }> = {},
): string[] {
  const { planDigest = null, force = false } = ask;
  const nodeId = id(ask.nodeId ?? 'n1');
  const plan = ask.plan ?? planDrain(table.table, table.known, { nodeId, deadlineMs: 600_000 });
  return table.do({ type: 'DrainNode', nodeId, requestId, deadlineMs: 600_000, force, planDigest, plan });
}

describe('a drained node', () => {
  it('gets nothing new', () => {
    const table = WorkTable.withNodes('n1');
    table.drain('n1');
    table.waiting('1');
    expect(table.look()).toEqual(['TaskDeferred t-1 {"draining":1}']);
  });

  it('is drained at once when it has nothing', () => {
    expect(withWork(0).drain('n1')).toEqual(['NodeDrainStarted n1 maintenance', 'NodeDrained n1']);
  });

  it('has its work recalled four at a time, and is drained when the last is elsewhere', () => {
    const table = withWork(6);
    const recalled = table.drain('n1').filter((line) => line.startsWith('TaskRecalled'));
    expect(recalled.map((line) => line.split(' ')[1])).toEqual(['t-1', 't-2', 't-3', 't-4']);
    const after = table.stop(work('1'));
    expect(after[0]).toMatch(/^TaskMoved t-1 n1→n[23]@2 drain$/);
    expect(after[1]).toMatch(/^TaskRecalled t-5 n1@1 drain →n[23]$/);
    expect(table.obey().at(-1)).toMatch(/^TaskStartConfirmed/);
    expect(table.history.at(-1)?.type).not.toBe('TaskRecalled');
    expect(table.table.nodes['n1']?.drain?.state).toBe('drained');
  });

  it('sends each to where room was set aside for it', () => {
    const table = withWork(1);
    const to = table.drain('n1').at(-1)?.slice(-2);
    table.stop(work('1'));
    expect(table.workOf('1').nodeId).toBe(to);
  });

  it('lets finish what ends within three minutes, by its rate, and no more', () => {
    const table = withWork(2);
    table.leftMs = { 't-1': 180_000, 't-2': 180_001 };
    expect(table.drain('n1').slice(1)).toEqual([expect.stringMatching(/^TaskRecalled t-2/)]);
  });

  it('recalls what was to finish and is late', () => {
    const table = withWork(1);
    table.leftMs = { 't-1': 170_000 };
    expect(table.drain('n1')).toEqual(['NodeDrainStarted n1 maintenance']);
    expect(table.wait(10_000).look()).toEqual([]);
    expect(table.wait(1).look()).toEqual([expect.stringMatching(/^TaskRecalled t-1/)]);
  });

  it('recalls what stands still', () => {
    const table = withWork(1);
    table.leftMs = { 't-1': Infinity };
    expect(table.drain('n1').slice(1)).toEqual([expect.stringMatching(/^TaskRecalled t-1/)]);
  });

  it('lets nothing finish that would pass the deadline', () => {
    const table = withWork(1);
    table.leftMs = { 't-1': 30_000 };
    expect(table.drain('n1', 29_999).slice(1)).toEqual([expect.stringMatching(/^TaskRecalled t-1/)]);
  });

  it('has its systems recalled last, one at a time, the next when the one before is served', () => {
    const table = WorkTable.withNodes('n1').serve('s1').serve('s2');
    table.open('n2');
    table.running('1', 'n1', 1);
    expect(table.drain('n1')).toEqual(['NodeDrainStarted n1 maintenance', 'TaskRecalled t-1 n1@1 drain →n2']);
    expect(table.stop(work('1'))).toEqual(['TaskMoved t-1 n1→n2@2 drain', 'TaskRecalled serve-s1 n1@1 drain →n2']);
    expect(table.stop(taskOf('s1'))).toEqual(['TaskMoved serve-s1 n1→n2@2 drain']);
    expect(table.take('s1')).toEqual(['TaskStartConfirmed serve-s1 n2@2', 'TaskRecalled serve-s2 n1@1 drain →n2']);
    expect(table.stop(taskOf('s2'))).toEqual(['TaskMoved serve-s2 n1→n2@2 drain', 'NodeDrained n1']);
  });

  it('has its next system recalled when the one before waits elsewhere for the lock of a sleeping owner', () => {
    const table = WorkTable.withNodes('n1').serve('s1').serve('s2');
    table.open('n2');
    table.drain('n1');
    table.stop(taskOf('s1'));
    expect(table.do({ type: 'NoteBlocked', ...table.owner('s1'), waitsFor: 'mediumLock' })).toEqual([
      'TaskHeld serve-s1 n2@2',
      'TaskRecalled serve-s2 n1@1 drain →n2',
    ]);
    expect(table.stop(taskOf('s2'))).toEqual(['TaskMoved serve-s2 n1→n2@2 drain', 'NodeDrained n1']);
  });

  it('keeps its systems until what finishes there has finished', () => {
    const table = WorkTable.withNodes('n1').serve('s1');
    table.open('n2');
    table.running('1', 'n1', 1).leftMs = { 't-1': 60_000 };
    expect(table.drain('n1')).toEqual(['NodeDrainStarted n1 maintenance']);
  });

  it('moves at once a system that nobody serves just now', () => {
    const table = WorkTable.withNodes('n1').serve('s1');
    table.do({ type: 'NoteFaulted', ...table.owner('s1'), errorClass: 'busy', code: 'BUSY' });
    table.open('n2');
    expect(table.drain('n1')).toEqual([
      'NodeDrainStarted n1 maintenance',
      'TaskMoved serve-s1 n1→n2@2 drain',
      'NodeDrained n1',
    ]);
  });

  it('keeps what finds no room elsewhere', () => {
    const table = WorkTable.withNodes('n1', 'n2').running('1', 'n1', 50).running('2', 'n2', 50);
    expect(table.drain('n1')).toEqual(['NodeDrainStarted n1 maintenance']);
    expect(table.owners['t-1']).toBe('n1');
  });

  it('gives nothing up under a brake, and goes on after it', () => {
    const table = withWork(1);
    table.hold();
    expect(table.drain('n1')).toEqual(['NodeDrainStarted n1 maintenance']);
    expect(table.do({ type: 'ResumePlacement', brake: 'halted' })).toEqual([
      'PlacementResumed halted',
      expect.stringMatching(/^TaskRecalled t-1/),
    ]);
  });
});

describe('the deadline', () => {
  it('is told once when something is left, not before', () => {
    const table = withWork(1);
    table.drain('n1', 10_000);
    expect(table.wait(9_999).look()).toEqual([]);
    expect(table.wait(1).look()).toEqual(['NodeDrainOverdue n1 t-1']);
    expect(table.look()).toEqual([]);
  });

  it('passed, lets the drain go on', () => {
    const table = withWork(1);
    table.drain('n1', 10_000);
    table.wait(10_000).look();
    table.obey();
    expect(table.table.nodes['n1']?.drain?.state).toBe('drained');
  });

  it('is extended by a new start', () => {
    const table = withWork(1);
    table.drain('n1', 10_000);
    table.wait(9_000);
    expect(table.drain('n1', 10_000)).toEqual(['NodeDrainStarted n1 maintenance']);
    expect(table.wait(9_999).look()).toEqual([]);
    expect(table.wait(1).look()).toEqual(['NodeDrainOverdue n1 t-1']);
  });

  it('moves all the same what is left, by force', () => {
    const table = withWork(1);
    askDrain(table, { force: true });
    expect(table.wait(600_000).look()).toEqual([
      expect.stringMatching(/^TaskMoved t-1 n1→n[23]@2 drain$/),
      'NodeDrained n1',
    ]);
  });

  it('sends into the queue, by force, what finds no room', () => {
    const table = WorkTable.withNodes('n1', 'n2').running('1', 'n1', 50).running('2', 'n2', 50);
    askDrain(table, { force: true });
    expect(table.wait(600_000).look()).toEqual([
      'TaskRetryScheduled t-1 #0 DRAINED',
      'TaskDeferred t-1 {"draining":1,"capacity":1}',
      'NodeDrained n1',
    ]);
  });

  it('moves nothing under a brake, by force or not', () => {
    const table = withWork(1);
    askDrain(table, { force: true });
    table.hold();
    expect(table.wait(600_000).look()).toEqual(['NodeDrainOverdue n1 t-1']);
    const resumed = table.do({ type: 'ResumePlacement', brake: 'halted' });
    expect(resumed.at(-1)).toBe('NodeDrained n1');
  });
});

describe('a stopped drain', () => {
  it('opens the node again, and keeps there what had not left', () => {
    const table = withWork(2);
    table.drain('n1');
    table.stop(work('1'));
    expect(table.do({ type: 'StopDrain', nodeId: id('n1'), requestId })).toEqual(['NodeDrainStopped n1 operator']);
    expect(table.stop(work('2'))).toEqual(['TaskAssigned t-2 n1@2 kept']);
  });

  it('brings what no other node could take, at once', () => {
    const table = WorkTable.withNodes('n1', 'n2').serve('s1');
    const [owner, other] =
      lookUp(table.table.tasks, serveTaskOf('s1' as SystemId))!.nodeId === 'n1' ? ['n1', 'n2'] : ['n2', 'n1'];
    table.drain(other);
    expect(table.close(owner).at(-1)).toMatch(/^TaskDeferred serve-s1/);
    const stopped = table.do({ type: 'StopDrain', nodeId: id(other), requestId });
    expect(stopped).toEqual([`NodeDrainStopped ${other} operator`, `TaskMoved serve-s1 ${owner}→${other}@2 nodeDown`]);
  });

  it('is refused where nothing drains, and where there is no such node', () => {
    const table = withWork(0);
    expect(table.do({ type: 'StopDrain', nodeId: id('n1'), requestId })).toEqual(['NodeDrainRejected n1 NOT_DRAINING']);
    expect(table.do({ type: 'StopDrain', nodeId: id('n9'), requestId })).toEqual(['NodeDrainRejected n9 UNKNOWN_NODE']);
  });

  it('ends with its node’s retirement', () => {
    const table = withWork(1);
    table.drain('n1');
    expect(table.close('n1', 'retired').slice(0, 2)).toEqual([
      'NodeDrainStopped n1 nodeRetired',
      'NodeClosed n1 retired',
    ]);
  });

  it('ends with the maintenance that began it, and with no other', () => {
    const table = withWork(1);
    table.drain('n1');
    expect(table.do({ type: 'EndMaintenance', nodeId: id('n1') })).toEqual(['NodeDrainStopped n1 maintenanceEnded']);
    table.obey();
    askDrain(table);
    expect(table.drain('n1')).toEqual([]);
    expect(table.do({ type: 'EndMaintenance', nodeId: id('n1') })).toEqual([]);
  });
});

describe('a wish to drain', () => {
  it('is carried out as planned', () => {
    const table = withWork(1);
    const plan = planDrain(table.table, table.known, { nodeId: id('n1'), deadlineMs: 600_000 });
    expect(askDrain(table, { planDigest: plan.planDigest })[0]).toBe('NodeDrainStarted n1 operator');
    const started = table.history.find(({ type }) => type === 'NodeDrainStarted');
    expect(started?.data).toMatchObject({ planDigest: plan.planDigest });
  });

  it('is refused when the plan is another by now, and shows both', () => {
    const table = withWork(1);
    const { planDigest } = planDrain(table.table, table.known, { nodeId: id('n1'), deadlineMs: 600_000 });
    table.running('2', 'n1', 1);
    expect(askDrain(table, { planDigest })).toEqual(['NodeDrainRejected n1 PLAN_CHANGED']);
    const rejected = table.history.at(-1)?.data as { planDigest: string; plan: PlacementPlan };
    expect(rejected.planDigest).toBe(planDigest);
    expect(rejected.plan.steps).toHaveLength(2);
  });

  it('is refused for a node that is not there, or lost', () => {
    const table = withWork(0);
    expect(askDrain(table, { nodeId: 'n9' })).toEqual(['NodeDrainRejected n9 UNKNOWN_NODE']);
    table.close('n1');
    expect(askDrain(table)).toEqual(['NodeDrainRejected n1 NODE_NOT_OPEN']);
  });

  it('is refused where its work finds no room, unless it is forced', () => {
    // The other may carry 0.9 of its budget.
    const room = (cost: number) => WorkTable.withNodes('n1', 'n2').running('1', 'n1', 50).running('2', 'n2', cost);
    expect(askDrain(room(40))[0]).toBe('NodeDrainStarted n1 operator');
    expect(askDrain(room(40.1))).toEqual(['NodeDrainRejected n1 CAPACITY_SHORT']);
    expect(askDrain(room(40.1), { force: true })[0]).toBe('NodeDrainStarted n1 operator');
  });

  it('is refused where a system would be left without a node, forced or not', () => {
    const table = WorkTable.withNodes('n1').serve('s1');
    expect(askDrain(table)).toEqual(['NodeDrainRejected n1 CAPACITY_SHORT']);
    expect(askDrain(table, { force: true })).toEqual(['NodeDrainRejected n1 CAPACITY_SHORT']);
  });
});
