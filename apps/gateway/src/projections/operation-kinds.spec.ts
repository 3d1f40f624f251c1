import {
  NodeDrainRequested,
  NodeMaintenanceRequested,
  NodeMaintenanceStarted,
  RebalanceEnded,
  RebalanceRequested,
  RebalanceStarted,
  SystemRequested,
  TaskCancelRequested,
  TaskMoveRequested,
  TaskRejected,
  TaskRequested,
  TaskRetryRequested,
} from '@holdfast/contracts';
import * as fc from 'fast-check';
import { confirmed, systemRegistered } from '../testing/fleet';
import { asked, AT, OTHER_REQUEST, REQUEST, rowsOf, story, told } from '../testing/told';
import * as work from '../testing/work';
import { isAsked, type OperationRow } from './operation';
import { operationsProjection } from './operations.projection';
import type { FeedEvent } from './projection';

const after = (...events: FeedEvent[]) => rowsOf(operationsProjection, story(...events)).get(REQUEST);
const own = (event: FeedEvent): FeedEvent => ({ ...event, correlationId: REQUEST });
const others = (event: FeedEvent): FeedEvent => ({ ...event, correlationId: OTHER_REQUEST });
const at = (second: number, event: FeedEvent): FeedEvent => ({ ...event, at: `2026-03-01T10:43:0${second}.000000Z` });

const ofTask = { ...asked, clusterId: 'alpha', taskId: 't-1' };
const wish = told(TaskRequested, { ...ofTask, kind: 'snapshot', systemId: 's1', pointId: 'p-1' });
const moveWish = told(TaskMoveRequested, ofTask);
const cancelWish = told(TaskCancelRequested, ofTask);
const retryWish = told(TaskRetryRequested, ofTask);
const drain = { ...asked, clusterId: 'alpha', nodeId: 'n1', deadlineMs: 600_000, force: false };
const drainWish = told(NodeDrainRequested, { ...drain, action: 'start' });
const stopWish = told(NodeDrainRequested, { ...drain, action: 'stop' });
const dryDrain = told(NodeDrainRequested, { ...drain, action: 'start', dryRun: true });

describe('the operation of a task', () => {
  const begun = [wish, work.snapshotAdmitted, others(work.workAssigned('n1', 1)), others(work.workStarted('n1', 1))];

  it('runs from its admission to its completion, and has the result of the task', () => {
    expect(after(wish)).toMatchObject({ state: 'queued', subject: 'task/t-1' });
    expect(after(...begun)).toMatchObject({ state: 'running', endedAt: null, result: null });
    const ended = { state: 'succeeded', endedAt: AT, reason: null, result: work.snapshotResult };
    // The task has moved since: its end is told under the story of the node that went down.
    expect(after(...begun, others(work.snapshotCompleted('n2', 2)))).toMatchObject(ended);
  });

  it('waits for a person while the task is parked, says what to do, and runs on once it was done', () => {
    const parked = [...begun, others(work.workParked)];
    expect(after(...parked)).toMatchObject({
      state: 'waiting',
      endedAt: null,
      reason: { code: 'PARKED', remedy: expect.stringContaining('holdfast task retry t-1') },
    });
    const reopened = {
      ...work.workReopened,
      data: { ...(work.workReopened.data as object), requestId: OTHER_REQUEST },
    };
    expect(after(...parked, reopened)).toMatchObject({ state: 'running', reason: null });
  });

  it('is cancelled with the task, whoever called it off', () => {
    expect(after(...begun, others(work.workCancelled))).toMatchObject({
      state: 'cancelled',
      reason: { code: 'OPERATOR' },
      result: null,
    });
  });

  it('is refused with the words of the reason', () => {
    const rejected = told(TaskRejected, {
      ...{ clusterId: 'alpha', taskId: 't-1', kind: 'snapshot', subject: 'system/s1', requestId: REQUEST, at: AT },
      reason: 'DUPLICATE',
    });
    expect(after(wish, rejected)).toMatchObject({
      state: 'refused',
      reason: { code: 'DUPLICATE', remedy: expect.stringContaining('cancel') },
    });
  });

  it('to move one ends when it has moved, and not by a move before it was recalled', () => {
    const moved = work.workMoved(['n1', 'n2'], 2, { cause: 'operator' });
    expect(after(moveWish, own(at(1, work.workRecalled)))).toMatchObject({ state: 'running' });
    expect(after(moveWish, own(at(1, work.workRecalled)), others(at(2, moved)))).toMatchObject({ state: 'succeeded' });
    expect(after(moveWish, others(at(1, moved)), own(at(2, work.workRecalled)))).toMatchObject({ state: 'running' });
    expect(after(moveWish, own(moved))).toMatchObject({ state: 'succeeded' });
    expect(after(moveWish, own(work.workRecalled), others(work.workCancelled))).toMatchObject({ state: 'cancelled' });
  });

  it('to cancel one has succeeded when it is cancelled, or has finished first', () => {
    for (const end of [work.workCancelled, work.snapshotCompleted('n1', 1)])
      expect(after(cancelWish, own(work.workRecalled), others(end))).toMatchObject({
        state: 'succeeded',
        reason: null,
      });
    expect(after(cancelWish, own(work.workCancelled))).toMatchObject({ state: 'succeeded' });
  });

  it('to retry one ends when a node has it again', () => {
    expect(after(retryWish, work.workReopened)).toMatchObject({ state: 'running' });
    expect(after(retryWish, work.workReopened, others(work.workAssigned('n2', 3)))).toMatchObject({
      state: 'succeeded',
    });
  });
});

describe('the operation of a drain', () => {
  it('ends when the node is empty, waits at the deadline, and runs on with a later one', () => {
    expect(after(drainWish, work.drainStarted, others(work.drained))).toMatchObject({ state: 'succeeded' });
    const overdue = [drainWish, work.drainStarted, others(work.drainOverdue)];
    expect(after(...overdue)).toMatchObject({
      state: 'waiting',
      reason: { code: 'DRAIN_OVERDUE', text: expect.stringContaining('t-1') },
    });
    expect(after(...overdue, others(work.drainStarted))).toMatchObject({ state: 'running', reason: null });
  });

  it('is cancelled by its stop, which itself has succeeded', () => {
    for (const by of ['operator', 'nodeRetired'] as const)
      expect(after(drainWish, work.drainStarted, others(work.drainStopped(by)))).toMatchObject({ state: 'cancelled' });
    expect(after(stopWish, own(work.drainStopped('operator')))).toMatchObject({ state: 'succeeded', reason: null });
  });

  it('asked for as a dry run is planned, and remembers the plan until when it holds', () => {
    expect(after(dryDrain, work.drainPlanned('abc', AT))).toMatchObject({
      state: 'planned',
      endedAt: AT,
      plan: { planDigest: 'abc', expiresAt: AT },
    });
  });

  it('by a plan that is another by now is refused, and names both', () => {
    expect(after(drainWish, work.drainRejected('PLAN_CHANGED', work.plan('now')))).toMatchObject({
      state: 'refused',
      reason: { code: 'PLAN_CHANGED', remedy: expect.stringContaining('plan again') },
      changed: { asked: 'asked' },
    });
    expect(after(drainWish, work.drainRejected('CAPACITY_SHORT'))).not.toHaveProperty('changed');
  });
});

it('a restore has the manifest that was verified as its result', () => {
  const restore = told(SystemRequested, {
    ...{ ...asked, systemId: 's1', clusterId: 'alpha', volumes: [] },
    fromBackup: { systemId: 's0', pointId: 'p-1' },
  });
  const started = confirmed('n1', 1);
  const verified = { ...started, data: { ...(started.data as object), manifest: work.MANIFEST } };
  expect(after(restore, systemRegistered, verified)).toMatchObject({
    state: 'succeeded',
    result: { manifest: work.MANIFEST },
  });
});

it('what a task does to a system is no end of the system’s own creation', () => {
  const create = told(SystemRequested, {
    ...asked,
    systemId: 's1',
    clusterId: 'alpha',
    volumes: [{ volumeId: 'v1', sizeBytes: 1 }],
  });
  expect(after(create, systemRegistered, others(work.workStarted('n1', 1)))).toMatchObject({ state: 'running' });
});

/** Each kind with all that it is answered with, by stream: within one the order is certain, between them it is not. */
const stories: readonly { kind: string; streams: FeedEvent[][]; ends: OperationRow['state'] }[] = [
  {
    kind: 'a task that is parked, retried and done',
    streams: [
      [wish],
      [
        work.snapshotAdmitted,
        others(work.workParked),
        others(work.workReopened),
        others(work.workAssigned('n1', 2)),
        others(work.snapshotCompleted('n1', 2)),
      ],
    ],
    ends: 'succeeded',
  },
  {
    kind: 'a move',
    streams: [[moveWish], [own(work.workRecalled), others(work.workMoved(['n1', 'n2'], 2))]],
    ends: 'succeeded',
  },
  { kind: 'a cancel', streams: [[cancelWish], [own(work.workCancelled)]], ends: 'succeeded' },
  {
    kind: 'a drain that is late',
    streams: [[drainWish], [work.drainStarted, others(work.drainOverdue), others(work.drained)]],
    ends: 'succeeded',
  },
  { kind: 'a dry run', streams: [[dryDrain], [work.drainPlanned('abc', AT)]], ends: 'planned' },
  {
    kind: 'a rebalance',
    streams: [
      [told(RebalanceRequested, { ...asked, clusterId: 'alpha' })],
      [
        own(told(RebalanceStarted, { clusterId: 'alpha', by: 'operator', maxOverFair: 1.4, at: AT })),
        others(told(RebalanceEnded, { clusterId: 'alpha', maxOverFair: 1.05, moves: 3, at: AT })),
      ],
    ],
    ends: 'succeeded',
  },
  {
    kind: 'a maintenance',
    streams: [
      [
        told(NodeMaintenanceRequested, {
          ...{ ...asked, clusterId: 'alpha', nodeId: 'n1', action: 'start', forMs: 1 },
          drain: false,
        }),
      ],
      [
        told(NodeMaintenanceStarted, {
          ...{ clusterId: 'alpha', nodeId: 'n1', until: AT, drain: false, by: 'x', reason: 'y', at: AT },
          requestId: REQUEST,
        }),
      ],
    ],
    ends: 'succeeded',
  },
];

/** Each story gives its events other ids. */
const placeless = ({ plan, ...row }: OperationRow) => ({ ...row, plan: plan && { ...plan, eventId: '' } });

it.each(stories)('$kind comes to the same end under every interleaving of its answers', ({ streams, ends }) => {
  const inOrder = after(...streams.flat());
  expect(inOrder).toMatchObject({ state: ends });
  const turns = streams.flatMap((events, stream) => events.map(() => stream));
  fc.assert(
    fc.property(fc.shuffledSubarray(turns, { minLength: turns.length }), (order) => {
      const next = streams.map(() => 0);
      const heard = order.map((stream) => streams[stream]![next[stream]!++]!);
      expect(placeless(after(...heard)!)).toEqual(placeless(inOrder!));
    }),
    { numRuns: 60 },
  );
});

it('a story that no request began makes no operation, however long it is', () => {
  const id = '019a0000-0000-7000-8000-000000000001';
  const moves = Array.from({ length: 100 }, (_, epoch) => ({
    ...work.workMoved(['n1', 'n2'], epoch + 2),
    correlationId: id,
  }));
  expect(rowsOf(operationsProjection, story(...moves)).size).toBe(0);
  const random = rowsOf(operationsProjection, story(...moves.map(others)));
  expect([...random.values()].filter(isAsked)).toEqual([]);
  expect(random.get(OTHER_REQUEST)!.early!.length).toBeLessThan(40);
});
