import {
  NodeFoundPartitioned,
  NodeMaintenanceStarted,
  NodeRestarted,
  TaskFaulted,
  VerdictWithheld,
} from '@holdfast/contracts';
import { backupsProjection } from '../projections/backups.projection';
import type { FeedEvent } from '../projections/projection';
import { admitted, assigned, confirmed, down, joined, moved, recovered, systemRegistered } from '../testing/fleet';
import { AT, INCARNATION, REQUEST, rowsOf, story, told } from '../testing/told';
import * as work from '../testing/work';
import { backupView } from '../views/backup.view';
import { whyBackup } from './backup.why';
import { whyNode } from './node.why';
import { amount, portion } from './why';
import { whyWork } from './work.why';

const MIB = 2 ** 20;
const begun = [work.snapshotAdmitted, work.pointOrdered, work.pointConfirmed];
const running = [...begun, work.workAssigned('n1', 1), work.workStarted('n1', 1)];
const resume = { fromEpoch: 1, token: null, doneBytes: 48 * MIB };

const isOfNode = ({ type }: FeedEvent) => type.startsWith('Node');
function whyOf(...events: FeedEvent[]) {
  const all = story(...events);
  const [nodes, told] = [all.filter(isOfNode), all.filter((event) => !isOfNode(event))];
  return whyWork({ subject: 'task/t-1', events: told, nodes, totalBytes: 128 * MIB });
}

describe('why a task is where it is', () => {
  it('goes back to the verdict on the node that had it, and to how far it had come', () => {
    const why = whyOf(...running, down('n1'), work.workMoved(['n1', 'n2'], 2, { resume }), work.workStarted('n2', 2));
    expect(why.headline).toBe('running on n2, epoch 2: resumed at 48 of 128 MiB after n1 was declared down (test-1@6)');
    expect(why.lines.filter(({ label }) => label === 'attempt').map(({ text }) => text)).toEqual([
      '1 on n1 at 10:42:06.27: admitted',
      '2 on n2 at 10:42:06.27: n1 was declared down; from 48 MiB',
    ]);
    const types = why.chain.map(({ type }) => type);
    expect(types.slice(0, 4)).toEqual(['TaskAdmitted', 'PointConfirmed', 'NodeDeclaredDown', 'TaskMoved']);
  });

  it('names no verdict when a drain moved it, though its node was down once before', () => {
    const events = [
      down('n1'),
      recovered('n1'),
      ...running,
      work.workMoved(['n1', 'n2'], 2, { cause: 'drain', resume }),
    ];
    expect(whyOf(...events).headline).toMatch(
      /^ordered of n2 at 10:42:06.27, not begun yet, epoch 2: resumed at 48 of 128 MiB, drain from n1/,
    );
  });

  it('says what it waits for, or how it ended', () => {
    const headlines: [FeedEvent[], string][] = [
      [[work.snapshotAdmitted], 'admitted at'],
      [begun.slice(0, 2), 'waits since 10:42:06.27 (test-1@2) for n1 to freeze p-1 of s1'],
      [begun, 'p-1 is frozen since'],
      [running, 'running on n1, epoch 1: from the beginning, admitted (test-1@4)'],
      [[...running, work.workRecalled], 'stopping on n1 since 10:42:06.27 (test-1@6), epoch 1: drain'],
      [[...running, work.workDeferred], 'no node can take it now: down 1, draining 2'],
      [[...running, work.workRetried], 'tried again at 10:42:06.27 after MEDIUM_GONE'],
      [[...running, work.workParked], 'parked at 10:42:06.27 (test-1@6): PIECE_UNREADABLE after 5 attempts'],
      [[...running, work.workParked, work.workReopened], 'reopened by an operator at'],
      [[...running, work.workCancelled], 'cancelled at 10:42:06.27 (test-1@6): operator'],
      [
        [...running, work.snapshotCompleted('n1', 1)],
        'completed on n1 at 10:42:06.27 (test-1@6), epoch 1: 96 MiB in 6',
      ],
    ];
    for (const [events, text] of headlines) expect(whyOf(...events).headline.slice(0, text.length)).toBe(text);
    expect(whyOf().headline).toBe('nothing was decided about task/t-1 yet');
  });

  it('names the brake that keeps it from a node, and what lifts it', () => {
    const brake = { text: 'frozen, thaw alpha', remedy: 'holdfast thaw alpha' };
    const whyHeld = (...events: FeedEvent[]) =>
      whyWork({ subject: 'task/t-1', events: story(...events), nodes: [], totalBytes: null, brake });
    expect(whyHeld(work.snapshotAdmitted)).toMatchObject({
      headline: 'admitted at 10:42:06.27 (test-1@1), frozen, thaw alpha',
      lines: [{ label: 'remedy', text: 'holdfast thaw alpha' }],
    });
    expect(whyHeld(...begun).headline).toMatch(/^p-1 is frozen since .*; frozen, thaw alpha$/);
    expect(whyHeld(...begun, work.workDeferred).headline).toMatch(/^frozen, thaw alpha; no node can take it now/);
  });

  it('tells the faults of its attempts', () => {
    const ofAgent = { clusterId: 'alpha', nodeId: 'n1', incarnation: INCARNATION, at: AT };
    const fault = { taskId: 't-1', epoch: 1, errorClass: 'node' as const, code: 'PIECE_UNREADABLE', token: null };
    const faulted = told(TaskFaulted, { ...ofAgent, ...fault });
    expect(whyOf(...running, faulted).lines).toContainEqual({
      label: 'fault',
      text: 'n1 at epoch 1: PIECE_UNREADABLE',
    });
  });
});

describe('why a node is in planned work', () => {
  const whyNodeOf = (...events: FeedEvent[]) => whyNode('n1', { events: story(...events), cluster: [] });
  const healthy = [joined('n1'), recovered('n1')];

  it('names maintenance and drain beside its status, and nothing once they are over', () => {
    const until = '2026-03-01T12:42:06.270000Z';
    const ofNode = { clusterId: 'alpha', nodeId: 'n1', at: AT, requestId: REQUEST };
    const planned = told(NodeMaintenanceStarted, { ...ofNode, until, drain: true, by: 'ann', reason: 'new disks' });
    const why = whyNodeOf(...healthy, planned, work.drainStarted, work.drained);
    expect(why.headline).toMatch(/^healthy since .* · in maintenance until 12:42:06.27 · drained$/);
    expect(why.lines).toContainEqual({
      ...{ label: 'maintenance', text: 'no verdict until 12:42:06.27, by ann: new disks (test-1@3)' },
    });
    expect(whyNodeOf(...healthy, work.drainStarted, work.drainStopped('operator')).headline).not.toContain('drain');
  });

  it('names the verdict that maintenance forbids, until the node is heard anew', () => {
    const ofNode = { clusterId: 'alpha', nodeId: 'n1', at: AT };
    const withheld = told(VerdictWithheld, { ...ofNode, verdict: 'down', brake: 'maintenance' });
    const line = { label: 'withheld', text: 'down: the node is in maintenance (test-1@3)' };
    expect(whyNodeOf(...healthy, withheld).lines).toContainEqual(line);
    const restarted = told(NodeRestarted, { ...ofNode, incarnation: INCARNATION, previousIncarnation: INCARNATION });
    expect(whyNodeOf(...healthy, withheld, restarted).lines).not.toContainEqual(line);
  });

  it('names the rule by which it is partitioned, and who fails to reach it', () => {
    const peers = [{ nodeId: 'n2', outcome: 'timeout' as const, ageMs: 400 }];
    const evidence = { rule: 'peersFail' as const, peers, lateNodes: 0, limit: 1 };
    const cutOff = told(NodeFoundPartitioned, { clusterId: 'alpha', nodeId: 'n1', at: AT, evidence });
    const why = whyNodeOf(...healthy, cutOff);
    expect(why.headline).toMatch(/^partitioned since .*all peers with fresh evidence fail.*it keeps what it has$/);
    expect(why.lines).toContainEqual({ label: 'peers', text: 'n2 timeout 0.4 s ago' });
  });

  it('names tasks by their own ids, and systems by theirs', () => {
    const events = [systemRegistered, admitted, assigned('n1', 1), confirmed('n1', 1), down('n1')];
    const { lines } = whyNodeOf(...healthy, ...events, moved('n1', 'n2', 2), work.workMoved(['n1', 'n2'], 2));
    expect(lines.filter(({ label }) => label === 'then').map(({ text }) => text)).toEqual([
      'system/s1 moved to n2 (holdfast why system/s1)',
      'task/t-1 moved to n2 (holdfast why task/t-1)',
    ]);
  });
});

it('says of what a backup is made, when it was read last, and why it cannot be restored', () => {
  const whyBackupOf = (...events: FeedEvent[]) => {
    const all = story(...events);
    return whyBackup(backupView(rowsOf(backupsProjection, all).get('s1/p-1')!), all);
  };
  const made = [work.pointConfirmed, work.snapshotCompleted('n2', 2)];
  expect(whyBackupOf(...made)).toMatchObject({
    headline: 'restorable: as of 10:42:06.27, never scrubbed',
    lines: [{ label: 'made', text: '96 MiB of 128 MiB in 6 pieces by t-1 on n2, epoch 2, in 20.1 s' }],
  });
  expect(whyBackupOf(...made, work.scrubCompleted(0)).headline).toBe(
    'restorable: as of 10:42:06.27, clean when t-2 read it at 10:42:06.27',
  );
  expect(whyBackupOf(...made, work.scrubCompleted(1))).toMatchObject({
    headline: 'not restorable: 1 damaged piece, found by t-2',
    lines: expect.arrayContaining([{ label: 'damaged', text: 'v1.3' }]) as unknown,
  });
  expect(whyBackupOf(...made, work.deletionOrdered).headline).toBe('not restorable: it is being deleted');
});

it('writes amounts in the unit of their whole', () => {
  expect([amount(0), amount(1_023), amount(1_536), amount(3 * MIB)]).toEqual(['0 B', '1023 B', '1.5 KiB', '3 MiB']);
  expect(portion(48 * MIB, 128 * MIB)).toBe('48 of 128 MiB');
  expect(portion(512 * 1024, 2 * MIB)).toBe('0.5 of 2 MiB');
  expect(portion(48 * MIB, null)).toBe('48 MiB');
});
