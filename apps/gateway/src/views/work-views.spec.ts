import { NodeDrainRequested, TaskRequested } from '@holdfast/contracts';
import { nodesProjection } from '../projections/nodes.projection';
import { operationsProjection } from '../projections/operations.projection';
import type { FeedEvent } from '../projections/projection';
import { tasksProjection } from '../projections/tasks.projection';
import { LatestSamples } from '../samples/latest';
import { assigned, joined, opened } from '../testing/fleet';
import { asked, AT, REQUEST, rowsOf, story, told } from '../testing/told';
import * as work from '../testing/work';
import { nodeView } from './node.view';
import { operationView } from './operation.view';
import { etaOf } from './progress';
import { taskView, underBrake } from './task.view';

const MIB = 2 ** 20;
const NOW = Date.parse(AT);
const instant = (afterSec: number) => new Date(NOW + afterSec * 1_000).toISOString();
const sample = (epoch: number, doneMib: number, bytesPerSec = 8 * MIB) => ({
  ...{ clusterId: 'alpha', nodeId: 'n1', taskId: 't-1', epoch, totalBytes: 128 * MIB, bytesPerSec },
  doneBytes: doneMib * MIB,
});

/** What was heard of the worker of t-1, a second apart. */
function heard(...samples: ReturnType<typeof sample>[]) {
  const latest = new LatestSamples();
  samples.forEach((data, second) => latest.taskProgress({ data: data as never, appendedAt: instant(second) }));
  return latest.progressOf('t-1');
}

const wish = told(TaskRequested, {
  ...{ ...asked, clusterId: 'alpha', taskId: 't-1', kind: 'snapshot', systemId: 's1', pointId: 'p-1' },
});
const running = [
  ...[wish, work.snapshotAdmitted, work.pointConfirmed, work.workAssigned('n1', 1), work.workStarted('n1', 1)],
  work.checkpointed('n1', 1, 48),
];
const taskAfter = (...events: FeedEvent[]) => rowsOf(tasksProjection, story(...events)).get('t-1')!;
const operationAfter = (...events: FeedEvent[]) => rowsOf(operationsProjection, story(...events)).get(REQUEST)!;

describe('a task', () => {
  it('is as far as its newest sample, at its rate, until the worker has been silent for 5 s', () => {
    const row = taskAfter(...running);
    const seen = heard(sample(1, 64));
    expect(taskView(row, seen, NOW + 4_999)).toMatchObject({ doneBytes: 64 * MIB, bytesPerSec: 8 * MIB });
    expect(taskView(row, seen, NOW + 5_000)).toMatchObject({ doneBytes: 64 * MIB, bytesPerSec: null });
    expect(taskView(row, undefined, NOW)).toMatchObject({ doneBytes: 48 * MIB, bytesPerSec: null });
    expect(taskView(row, heard(sample(1, 32)), NOW)).toMatchObject({ doneBytes: 48 * MIB });
  });

  it('is as its events tell when the sample is of another attempt, or it does not run', () => {
    const movedOn = taskAfter(...running, work.workMoved(['n1', 'n2'], 2), work.workStarted('n2', 2));
    expect(taskView(movedOn, heard(sample(1, 64)), NOW)).toEqual(movedOn);
    const parked = taskAfter(...running, work.workParked);
    expect(taskView(parked, heard(sample(1, 64)), NOW)).toEqual(parked);
  });
});

describe('a task under a brake', () => {
  const brake = { text: 'frozen, thaw alpha', remedy: 'holdfast thaw alpha' };

  it('names it while it waits for a node, and no longer', () => {
    expect(underBrake(taskAfter(work.snapshotAdmitted), brake)).toMatchObject({ reason: 'frozen, thaw alpha' });
    expect(underBrake(taskAfter(work.snapshotAdmitted), undefined)).toMatchObject({ reason: null });
    expect(underBrake(taskAfter(...running), brake)).toEqual(taskAfter(...running));
  });
});

describe('the newest samples', () => {
  it('are of the newest attempt, whoever else goes on telling', () => {
    expect(heard(sample(2, 50), sample(1, 64))?.data).toMatchObject({ epoch: 2, doneBytes: 50 * MIB });
    expect(heard(sample(1, 64), sample(2, 50))?.rates).toEqual([8 * MIB]);
  });

  it('remember when the worker last came forward', () => {
    expect(heard(sample(1, 48), sample(1, 56), sample(1, 56))).toMatchObject({
      ...{ movedAt: instant(1), appendedAt: instant(2) },
    });
  });

  it('are forgotten a minute after the last of their task', () => {
    const latest = new LatestSamples();
    const tell = (taskId: string, second: number) =>
      latest.taskProgress({ data: { ...sample(1, 1), taskId } as never, appendedAt: instant(second) });
    tell('t-1', 0);
    tell('t-2', 60);
    expect(latest.progressOf('t-1')).toBeDefined();
    tell('t-2', 61);
    expect(latest.progressOf('t-1')).toBeUndefined();
  });
});

describe('an operation', () => {
  it('of a task is as far as the task, with what is left at the usual and at the slow rate', () => {
    const rates = [8, 8, 4, 8, 8, 8, 8, 8, 8, 8, 8].map((rate, index) => sample(1, 50 + index, rate * MIB));
    const view = operationView(operationAfter(...running), NOW + 10_000, {
      ...{ task: taskAfter(...running), seen: heard(...rates) },
    });
    expect(view).toMatchObject({
      ...{ state: 'running', phase: 'running', reason: null },
      progress: { done: 60 * MIB, total: 128 * MIB, unit: 'bytes', perSec: 8 * MIB, etaSec: { p50: 9, p90: 9 } },
    });
    expect(etaOf(80, [10, 10, 10, 10, 2, 2])).toEqual({ p50: 8, p90: 40 });
    expect(etaOf(80, [0, 0, 0, 40])).toEqual({ p50: 8, p90: 8 });
    expect(etaOf(80, [0, 0, 0])).toBeNull();
    expect(etaOf(80, [])).toBeNull();
  });

  it('does not stall while its task comes forward, and does a minute after it last did', () => {
    const row = operationAfter(...running);
    const seen = heard(sample(1, 50), sample(1, 51));
    const after = (sec: number) => operationView(row, NOW + sec * 1_000, { task: taskAfter(...running), seen }).reason;
    expect(after(60)).toBeNull();
    expect(after(61)).toMatchObject({ code: 'STALLED', remedy: expect.stringContaining('why task/t-1') });
  });

  it('of a drain counts in tasks: first the work, then the systems', () => {
    const drainWish = told(NodeDrainRequested, {
      ...{ ...asked, clusterId: 'alpha', nodeId: 'n1', action: 'start', deadlineMs: 1_000, force: false },
    });
    const loaded = [joined('n1'), opened('n1'), assigned('n1', 1), work.workAssigned('n1', 1), work.drainStarted];
    const view = (...events: FeedEvent[]) => {
      const node = rowsOf(nodesProjection, story(...events)).get('n1')!;
      return operationView(operationAfter(drainWish, work.drainStarted), NOW, { node });
    };
    const progress = { total: 2, unit: 'tasks', perSec: null, etaSec: null };
    expect(view(...loaded)).toMatchObject({ phase: 'tasks', progress: { done: 0, ...progress } });
    const left = work.workMoved(['n1', 'n2'], 2);
    expect(view(...loaded, left)).toMatchObject({ phase: 'systems', progress: { done: 1, ...progress } });
  });

  it('offers what a person may do about it, and says what stands in the way of the rest', () => {
    const actionsOf = (...events: FeedEvent[]) =>
      operationView(operationAfter(...events), NOW, { task: taskAfter(...events) }).actions;
    const allowed = (...events: FeedEvent[]) => actionsOf(...events).flatMap((one) => (one.allowed ? [one.verb] : []));
    expect(allowed(...running)).toEqual(['cancel', 'move']);
    expect(allowed(...running, work.workParked)).toEqual(['cancel', 'retry']);
    expect(actionsOf(...running, work.snapshotCompleted('n1', 1))).toEqual([]);
    expect(actionsOf(...running).at(-1)).toEqual({ verb: 'retry', allowed: false, why: 'it is not parked' });
  });

  it('that is planned may be applied until its plan expires', () => {
    const dry = { ...{ ...asked, clusterId: 'alpha', nodeId: 'n1', deadlineMs: 1_000 }, force: false, dryRun: true };
    const wished = told(NodeDrainRequested, { ...dry, action: 'start' });
    const planned = operationAfter(wished, work.drainPlanned('abc', instant(600)));
    const apply = (afterSec: number) => operationView(planned, NOW + afterSec * 1_000).actions;
    expect(apply(599)).toMatchObject([{ verb: 'apply', allowed: true }]);
    expect(apply(600)).toMatchObject([{ verb: 'apply', allowed: false, why: expect.stringContaining('plan again') }]);
  });

  it('links what it is about', () => {
    const linkOf = (subject: string) => operationView({ ...operationAfter(wish), subject }, NOW).links.subject;
    expect(linkOf('backup/s1/p-1')).toBe('/v1/backups/s1/p-1');
    expect(linkOf('task/t-1')).toBe('/v1/tasks/t-1');
    expect(linkOf('stream/x')).toBeNull();
  });
});

it('a node shows what its work costs beside its budget, and what it has left to empty', () => {
  const events = [joined('n1'), opened('n1'), assigned('n1', 1), work.workAssigned('n1', 1), work.drainStarted];
  const row = rowsOf(nodesProjection, story(...events)).get('n1')!;
  const placed = { ...row, placement: { ...row.placement, budget: 16 * MIB } };
  expect(nodeView(placed, undefined, { now: NOW, alphaMs: 4_000, listening: true })).toMatchObject({
    placement: { state: 'open', budget: 16 * MIB, load: 8 * MIB, tasks: 1, systems: 1 },
    drain: { state: 'draining', left: ['serve-s1', 't-1'], total: 2 },
  });
});
