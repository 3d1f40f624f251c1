import {
  BackupDeletionOrdered,
  NodeDrained,
  NodeDrainOverdue,
  NodeDrainPlanned,
  NodeDrainRejected,
  NodeDrainStarted,
  NodeDrainStopped,
  PointConfirmed,
  PointOrdered,
  TaskAdmitted,
  TaskAssigned,
  TaskCancelled,
  TaskCompleted,
  TaskDeferred,
  TaskMoved,
  TaskParked,
  TaskRecalled,
  TaskReopened,
  TaskRetryScheduled,
  TasksCheckpointed,
  TaskStartConfirmed,
  type PlacementPlan,
  type Resume,
} from '@holdfast/contracts';
import { AT, REQUEST, told } from './told';

/** The events of background work in the cluster alpha: a snapshot of s1, a scrub of what it made, a drain of n1. */
const MIB = 2 ** 20;
const inAlpha = { clusterId: 'alpha', at: AT };
const backup = { systemId: 's1', pointId: 'p-1' };
export const MANIFEST = 'ab'.repeat(32);
const ofSnapshot = { ...inAlpha, taskId: 't-1', kind: 'snapshot' as const, subject: 'system/s1' };
const ofScrub = { ...inAlpha, taskId: 't-2', kind: 'scrub' as const, subject: 'backup/s1/p-1' };
const spec = { ...backup, bytesPerSec: 8 * MIB };
const byRequest = { correlationId: REQUEST };

export const snapshotAdmitted = told(
  TaskAdmitted,
  { ...ofSnapshot, spec, cost: 8 * MIB, requestId: REQUEST },
  byRequest,
);
export const pointOrdered = told(PointOrdered, { ...inAlpha, taskId: 't-1', ...backup, nodeId: 'n1', epoch: 3 });
export const pointConfirmed = told(PointConfirmed, { ...ofSnapshot, ...backup, k: 4, frozenAt: AT });

export const workAssigned = (nodeId: string, epoch: number) =>
  told(TaskAssigned, { ...ofSnapshot, nodeId, nodeIncarnation: null, epoch, spec, placement: null, cause: 'admitted' });

export const workMoved = (
  [fromNodeId, nodeId]: [string, string],
  epoch: number,
  more: { cause?: 'nodeDown' | 'drain' | 'operator'; resume?: Resume } = {},
) =>
  told(TaskMoved, {
    ...ofSnapshot,
    fromNodeId,
    nodeId,
    nodeIncarnation: null,
    epoch,
    spec,
    placement: null,
    cause: 'nodeDown',
    ...more,
  });

export const workStarted = (nodeId: string, epoch: number) =>
  told(TaskStartConfirmed, { ...ofSnapshot, nodeId, epoch, tookMs: 20, created: false });

export const checkpointed = (nodeId: string, epoch: number, doneMib: number) => {
  const item = { taskId: 't-1', nodeId, epoch, token: `v1.${doneMib}` };
  return told(TasksCheckpointed, {
    ...inAlpha,
    items: [
      { ...item, taskId: 't-9', doneBytes: 1, totalBytes: 1 },
      { ...item, doneBytes: doneMib * MIB, totalBytes: 128 * MIB },
    ],
  });
};

export const workRecalled = told(TaskRecalled, { ...ofSnapshot, nodeId: 'n1', epoch: 1, cause: 'drain' });
export const workDeferred = told(TaskDeferred, { ...ofSnapshot, blockedBy: { down: 1, draining: 2 } });
export const workRetried = told(TaskRetryScheduled, { ...ofSnapshot, attempt: 1, code: 'MEDIUM_GONE', notBefore: AT });
export const workParked = told(TaskParked, { ...ofSnapshot, attempts: 5, reason: 'PIECE_UNREADABLE' });
export const workReopened = told(TaskReopened, { ...ofSnapshot, requestId: REQUEST });
export const workCancelled = told(TaskCancelled, { ...ofSnapshot, by: 'operator' });

const volumes = [{ volumeId: 'v1', sizeBytes: 128 * MIB }];
export const snapshotResult = { manifest: MANIFEST, volumes, pieces: 6, bytes: 96 * MIB };
export const snapshotCompleted = (nodeId: string, epoch: number) =>
  told(TaskCompleted, {
    ...ofSnapshot,
    ...backup,
    nodeId,
    epoch,
    result: snapshotResult,
    doneBytes: 128 * MIB,
    durationMs: 20_100,
  });

export const scrubCompleted = (damagedPieces: number) =>
  told(TaskCompleted, {
    ...ofScrub,
    ...backup,
    nodeId: 'n2',
    epoch: 1,
    result: {
      manifest: MANIFEST,
      pieces: 6,
      damagedPieces,
      damaged: damagedPieces > 0 ? [{ volumeId: 'v1', piece: 3 }] : [],
    },
    doneBytes: 96 * MIB,
    durationMs: 12_000,
  });

export const deletionOrdered = told(BackupDeletionOrdered, {
  ...inAlpha,
  ...backup,
  nodeId: 'n2',
  requestId: REQUEST,
});

const ofDrain = { ...inAlpha, nodeId: 'n1' };
export const drainStarted = told(
  NodeDrainStarted,
  { ...ofDrain, deadlineAt: '2026-03-01T10:52:06.270000Z', force: false, by: 'operator' },
  byRequest,
);
export const drainOverdue = told(NodeDrainOverdue, { ...ofDrain, left: ['t-1'] });
export const drained = told(NodeDrained, ofDrain);
export const drainStopped = (by: 'operator' | 'nodeRetired') => told(NodeDrainStopped, { ...ofDrain, by });

export const plan = (planDigest: string): PlacementPlan => ({
  planDigest,
  steps: [],
  findings: [],
  more: 0,
  reconnects: 1,
  shortfall: 0,
  maxOverFair: { now: 1.2, after: 1.05 },
});

export const drainPlanned = (planDigest: string, expiresAt: string) =>
  told(NodeDrainPlanned, { ...ofDrain, requestId: REQUEST, plan: plan(planDigest), basedOnVersion: 7, expiresAt });

export const drainRejected = (reason: 'PLAN_CHANGED' | 'CAPACITY_SHORT', now?: PlacementPlan) =>
  told(NodeDrainRejected, {
    ...ofDrain,
    requestId: REQUEST,
    reason,
    ...(now && { planDigest: 'asked', plan: now }),
  });
