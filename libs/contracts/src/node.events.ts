import { z } from 'zod';
import { defineEvent, defineSample } from './define';
import {
  bytes,
  clusterId,
  epoch,
  incarnation,
  instant,
  milliseconds,
  nodeId,
  pointId,
  systemId,
  systemOfServeTask,
  taskId,
  volumeId,
} from './ids';
import { manifestHash, taskResult } from './task-terms';

/** What an agent did or refused, told on its own journal's stream. `at` is its clock: to be read, never compared. */
const told = { clusterId, nodeId, incarnation, at: instant };
const nodeSubjects = ({ clusterId, nodeId }: { clusterId: string; nodeId: string }) => [
  `node/${nodeId}`,
  `cluster/${clusterId}`,
];
const taskSubjects = ({ nodeId, taskId }: { nodeId: string; taskId: string }) => {
  const served = systemOfServeTask(taskId);
  return [`task/${taskId}`, ...(served ? [`system/${served}`] : []), `node/${nodeId}`];
};

export const NodeStarted = defineEvent('NodeStarted', {
  version: 1,
  schema: z.strictObject({
    ...told,
    journal: z.enum(['kept', 'new']),
    held: z.array(z.strictObject({ taskId, epoch })),
    adopted: z.array(z.strictObject({ systemId, epoch })),
  }),
  subjects: nodeSubjects,
});

export const NodeInventoryReported = defineEvent('NodeInventoryReported', {
  version: 1,
  schema: z.strictObject({
    ...told,
    driver: z.string(),
    engineVersion: z.string(),
    kinds: z.array(z.string()),
    media: z.array(z.strictObject({ mediaId: z.string(), state: z.enum(['ok', 'dead']), freeBytes: bytes })),
  }),
  subjects: nodeSubjects,
});

/** It serves: claimed, locked, opened, exported, and read back through its own address. */
export const TaskTaken = defineEvent('TaskTaken', {
  version: 1,
  schema: z.strictObject({
    ...told,
    taskId,
    epoch,
    tookMs: milliseconds,
    exports: z.array(z.strictObject({ volumeId, uri: z.string() })).optional(),
    /** Of the backup that it was filled from and checked against. */
    manifest: manifestHash.optional(),
  }),
  subjects: taskSubjects,
});

export const declineCode = z.enum([
  'STALE_EPOCH',
  'SYSTEM_RELEASED',
  'WATCHDOG_DEAD',
  'NO_SPACE',
  'MEDIUM_INVALID',
  'ENGINE_DOWN',
  'JOURNAL_FAILED',
  'BLOCKED',
  'BACKUP_DAMAGED',
  'UNKNOWN_KIND',
]);

export const TaskDeclined = defineEvent('TaskDeclined', {
  version: 1,
  schema: z.strictObject({
    ...told,
    taskId,
    epoch,
    code: declineCode,
    message: z.string().optional(),
    highestEpoch: z.int().nonnegative().nullable(),
    /** The claim that stands, where one refused it. */
    claim: z.strictObject({ epoch, nodeId: nodeId.nullable() }).optional(),
  }),
  subjects: taskSubjects,
});

export const TaskBlocked = defineEvent('TaskBlocked', {
  version: 1,
  schema: z.strictObject({ ...told, taskId, epoch, waitsFor: z.enum(['mediumLock', 'address', 'chainLock']) }),
  subjects: taskSubjects,
});

export const TaskStopped = defineEvent('TaskStopped', {
  version: 1,
  schema: z.strictObject({ ...told, taskId, epoch, token: z.string().nullable(), doneBytes: bytes }),
  subjects: taskSubjects,
});

export const TaskFaulted = defineEvent('TaskFaulted', {
  version: 1,
  schema: z.strictObject({
    ...told,
    taskId,
    epoch,
    errorClass: z.enum(['node', 'subject', 'busy']),
    code: z.string(),
    token: z.string().nullable(),
  }),
  subjects: taskSubjects,
});

/** Sealed and durable up to here: 10 s or 5 % after the last. */
export const TaskCheckpointReached = defineEvent('TaskCheckpointReached', {
  version: 1,
  schema: z.strictObject({
    ...told,
    taskId,
    epoch,
    token: z.string().max(4096).nullable(),
    doneBytes: bytes,
    totalBytes: bytes,
  }),
  subjects: taskSubjects,
});

/** Its attempt is whole. It counts once `TaskCompleted` names its epoch. */
export const TaskFinished = defineEvent('TaskFinished', {
  version: 1,
  schema: z.strictObject({ ...told, taskId, epoch, result: taskResult, doneBytes: bytes, durationMs: milliseconds }),
  subjects: taskSubjects,
});

const pointSubjects = (data: { nodeId: string; taskId: string; systemId: string }) => [
  `task/${data.taskId}`,
  `system/${data.systemId}`,
  `node/${data.nodeId}`,
];

/** All volumes switched in one transaction; told again if the chain has the point. `frozenMs`: how long writes waited. */
export const PointFrozen = defineEvent('PointFrozen', {
  version: 1,
  schema: z.strictObject({
    ...told,
    taskId,
    systemId,
    epoch,
    pointId,
    k: z.int().positive(),
    volumes: z.array(z.strictObject({ volumeId, files: z.array(z.string()).min(1) })).min(1),
    frozenMs: milliseconds,
  }),
  subjects: pointSubjects,
});

export const PointRefused = defineEvent('PointRefused', {
  version: 1,
  schema: z.strictObject({
    ...told,
    taskId,
    systemId,
    epoch,
    pointId,
    code: z.enum([
      'STALE_EPOCH',
      'NOT_SERVED',
      'NO_SPACE',
      'CHAIN_LOCKED',
      'MEDIUM_INVALID',
      'ENGINE_DOWN',
      'POINT_GONE',
    ]),
    message: z.string().optional(),
  }),
  subjects: pointSubjects,
});

export const BackupDeleted = defineEvent('BackupDeleted', {
  version: 1,
  schema: z.strictObject({ ...told, systemId, pointId }),
  subjects: ({ systemId, pointId, nodeId }) => [
    `backup/${systemId}/${pointId}`,
    `system/${systemId}`,
    `node/${nodeId}`,
  ],
});

/** Each second while it runs. A restore's serve task tells it too. */
export const TaskProgressObserved = defineSample('TaskProgressObserved', {
  version: 1,
  schema: z
    .strictObject({
      clusterId,
      nodeId,
      taskId,
      epoch,
      doneBytes: bytes,
      totalBytes: bytes,
      bytesPerSec: z.number().nonnegative(),
    })
    .refine(({ doneBytes, totalBytes }) => doneBytes <= totalBytes, {
      path: ['doneBytes'],
      error: 'more is done than there is to do',
    }),
  subject: ({ taskId }) => `task/${taskId}`,
});

export const SystemRemoved = defineEvent('SystemRemoved', {
  version: 1,
  schema: z.strictObject({ ...told, systemId, epoch }),
  subjects: ({ systemId, nodeId }) => [`system/${systemId}`, `node/${nodeId}`],
});

/** The node knows a higher epoch than its orders: the store went back. */
export const EpochAheadFound = defineEvent('EpochAheadFound', {
  version: 1,
  schema: z.strictObject({ ...told, route: z.string(), highestEpoch: epoch, by: z.enum(['journal', 'claim']) }),
  subjects: nodeSubjects,
});

/** The agent cannot go on in a stream that it obeys. */
export const AgentStreamBlocked = defineEvent('AgentStreamBlocked', {
  version: 1,
  schema: z.strictObject({ ...told, stream: z.string(), version: z.int().positive(), code: z.string() }),
  subjects: nodeSubjects,
});
