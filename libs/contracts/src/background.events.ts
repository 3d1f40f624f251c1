import { z } from 'zod';
import { defineEvent } from './define';
import { bytes, clusterId, epoch, instant, milliseconds, nodeId, pointId, requestId, systemId, taskId } from './ids';
import { ofTask, taskResult, taskSubjects } from './task-terms';

/* routing-table-<clusterId>, of background tasks alone: their points, how far they are, how they end, and their backups. */

const backupSubjects = ({ systemId, pointId }: { systemId: string; pointId: string }) => [
  `backup/${systemId}/${pointId}`,
  `system/${systemId}`,
];

/** A wish for a task that is not admitted. Its fields are as they were asked for: nothing of them need exist. */
export const TaskRejected = defineEvent('TaskRejected', {
  version: 1,
  schema: z.strictObject({
    clusterId,
    taskId,
    kind: z.string(),
    subject: z.string(),
    requestId,
    reason: z.enum([
      'UNKNOWN_SUBJECT',
      'UNKNOWN_KIND',
      'INVALID_COST',
      'EXCEEDS_ANY_NODE',
      'DUPLICATE',
      'QUEUE_FULL',
      'POINT_GONE',
      'BACKUP_ELSEWHERE',
    ]),
    /** The open task that stands in its way (`DUPLICATE`). */
    byTaskId: taskId.optional(),
    at: instant,
  }),
  subjects: taskSubjects,
});

/** A wish to move, cancel or retry a task that is not carried out. */
export const TaskActionRejected = defineEvent('TaskActionRejected', {
  version: 1,
  schema: z.strictObject({
    clusterId,
    taskId,
    requestId,
    action: z.enum(['move', 'cancel', 'retry']),
    reason: z.enum(['UNKNOWN_TASK', 'ENDED', 'NOT_PARKED', 'NOT_PLACED', 'NO_NODE', 'IS_SERVE', 'PLACEMENT_HELD']),
    at: instant,
  }),
  subjects: ({ taskId }) => [`task/${taskId}`],
});

/** To the node that serves the system at this epoch: freeze a point over all volumes and pin it for the task. */
export const PointOrdered = defineEvent('PointOrdered', {
  version: 1,
  schema: z.strictObject({ clusterId, taskId, systemId, pointId, nodeId, epoch, at: instant }),
  subjects: ({ taskId, systemId, nodeId }) => [`task/${taskId}`, `system/${systemId}`, `node/${nodeId}`],
});

/** The point is frozen and pinned: any node that mounts the medium may read it. `frozenAt`: every later write is not in it. */
export const PointConfirmed = defineEvent('PointConfirmed', {
  version: 1,
  schema: z.strictObject({ ...ofTask, systemId, pointId, k: z.int().positive(), frozenAt: instant }),
  subjects: taskSubjects,
});

/** How far running tasks have come: at most one such event in 5 s. */
export const TasksCheckpointed = defineEvent('TasksCheckpointed', {
  version: 1,
  schema: z.strictObject({
    clusterId,
    items: z
      .array(
        z.strictObject({
          taskId,
          nodeId,
          epoch,
          token: z.string().max(4096).nullable(),
          doneBytes: bytes,
          totalBytes: bytes,
        }),
      )
      .min(1)
      .max(500),
    at: instant,
  }),
  subjects: ({ items }) => items.map(({ taskId }) => `task/${taskId}`),
});

/** It runs and does not come forward. */
export const TaskStalled = defineEvent('TaskStalled', {
  version: 1,
  schema: z.strictObject({ ...ofTask, nodeId, epoch, forMs: milliseconds }),
  subjects: taskSubjects,
});

/** This epoch's attempt is the result; whatever any other wrote is nothing. */
export const TaskCompleted = defineEvent('TaskCompleted', {
  version: 1,
  schema: z.strictObject({
    ...ofTask,
    nodeId,
    epoch,
    result: taskResult,
    doneBytes: bytes,
    durationMs: milliseconds,
    /** The backup made, or read. */
    systemId,
    pointId,
  }),
  subjects: (data) => [...taskSubjects(data), `backup/${data.systemId}/${data.pointId}`],
});

/** Not tried again by itself: a person looks, then retries or cancels. */
export const TaskParked = defineEvent('TaskParked', {
  version: 1,
  schema: z.strictObject({ ...ofTask, attempts: z.int().nonnegative(), reason: z.string() }),
  subjects: taskSubjects,
});

/** A parked task waits for a node again. */
export const TaskReopened = defineEvent('TaskReopened', {
  version: 1,
  schema: z.strictObject({ ...ofTask, requestId }),
  subjects: taskSubjects,
});

/** To any one node: take every attempt at this backup away. */
export const BackupDeletionOrdered = defineEvent('BackupDeletionOrdered', {
  version: 1,
  schema: z.strictObject({ clusterId, systemId, pointId, nodeId, requestId, at: instant }),
  subjects: (data) => [...backupSubjects(data), `node/${data.nodeId}`],
});

export const BackupDeletionConfirmed = defineEvent('BackupDeletionConfirmed', {
  version: 1,
  schema: z.strictObject({ clusterId, systemId, pointId, at: instant }),
  subjects: backupSubjects,
});

export const BackupDeletionRejected = defineEvent('BackupDeletionRejected', {
  version: 1,
  schema: z.strictObject({
    clusterId,
    systemId,
    pointId,
    requestId,
    reason: z.enum(['UNKNOWN_BACKUP', 'IN_USE', 'NO_NODE', 'PLACEMENT_HELD']),
    byTaskId: taskId.optional(),
    at: instant,
  }),
  subjects: backupSubjects,
});
