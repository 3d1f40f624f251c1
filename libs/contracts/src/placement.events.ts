import { z } from 'zod';
import { defineEvent } from './define';
import {
  clusterId,
  epoch,
  incarnation,
  instant,
  milliseconds,
  nodeId,
  pointId,
  requestId,
  systemId,
  taskId,
} from './ids';
import {
  assignCause,
  manifestHash,
  moveCause,
  ofTask,
  placement,
  recallCause,
  resume,
  taskSpec,
  taskSubjects,
} from './task-terms';

/* routing-table-<clusterId>: what each node is told to carry. */

const nodeSubjects = ({ clusterId, nodeId }: { clusterId: string; nodeId: string }) => [
  `node/${nodeId}`,
  `cluster/${clusterId}`,
];
export const TaskAdmitted = defineEvent('TaskAdmitted', {
  version: 1,
  schema: z.strictObject({
    ...ofTask,
    spec: taskSpec,
    /** `serve`: one place; background tasks: bytes per second. */
    cost: z.number().nonnegative(),
    requestId: requestId.optional(),
    /** The highest epoch that was ever granted under this name, if any: the first order counts on from it. */
    lastEpoch: z.int().nonnegative().optional(),
  }),
  subjects: taskSubjects,
});

const order = {
  ...ofTask,
  nodeId,
  /** The incarnation the order is meant for; null: it has not been heard yet. */
  nodeIncarnation: incarnation.nullable(),
  epoch,
  spec: taskSpec,
  /** Background tasks: the attempt to go on from, if there was one. */
  resume: resume.optional(),
  placement: placement.nullable(),
};

/** To a node: carry this out. Again at the same epoch when the node's agent starts anew. */
export const TaskAssigned = defineEvent('TaskAssigned', {
  version: 1,
  schema: z.strictObject({ ...order, cause: assignCause }),
  subjects: taskSubjects,
});

/** To another node: carry this out from now on. */
export const TaskMoved = defineEvent('TaskMoved', {
  version: 1,
  schema: z.strictObject({ ...order, fromNodeId: nodeId, cause: moveCause }),
  subjects: (data) => [...taskSubjects(data), `node/${data.fromNodeId}`],
});

/** To the node that carries it: stop, and say where you stopped. */
export const TaskRecalled = defineEvent('TaskRecalled', {
  version: 1,
  schema: z.strictObject({ ...ofTask, nodeId, epoch, cause: recallCause, toNodeId: nodeId.optional() }),
  subjects: taskSubjects,
});

/** The node waits for something that it may not force. */
export const TaskHeld = defineEvent('TaskHeld', {
  version: 1,
  schema: z.strictObject({ ...ofTask, nodeId, epoch, waitsFor: z.enum(['mediumLock', 'address', 'chainLock']) }),
  subjects: taskSubjects,
});

export const TaskStartConfirmed = defineEvent('TaskStartConfirmed', {
  version: 1,
  schema: z.strictObject({
    ...ofTask,
    nodeId,
    epoch,
    tookMs: milliseconds,
    created: z.boolean(),
    /** Of the backup that the system was filled from and checked against. */
    manifest: manifestHash.optional(),
  }),
  subjects: taskSubjects,
});

/** No node can take it now; tried again on every capacity event and each 30 s. */
export const TaskDeferred = defineEvent('TaskDeferred', {
  version: 1,
  schema: z.strictObject({ ...ofTask, blockedBy: z.record(z.string(), z.int()) }),
  subjects: taskSubjects,
});

export const TaskRetryScheduled = defineEvent('TaskRetryScheduled', {
  version: 1,
  schema: z.strictObject({
    ...ofTask,
    /** How many failed in a row, this one too: 0 if it was but told to stop. */
    attempt: z.int().nonnegative(),
    code: z.string(),
    /** `busy`: the same node, later; else another one. */
    errorClass: z.enum(['node', 'subject', 'busy']).optional(),
    notBefore: instant,
    /** Where it stopped, if it was told to. */
    resume: resume.optional(),
  }),
  subjects: taskSubjects,
});

export const TaskCancelled = defineEvent('TaskCancelled', {
  version: 1,
  schema: z.strictObject({
    ...ofTask,
    by: z.enum(['retirement', 'creationFailed', 'operator']),
    /** Of a snapshot: what it was to make. */
    systemId: systemId.optional(),
    pointId: pointId.optional(),
  }),
  subjects: taskSubjects,
});

/** To any one node: end the system's claim history at this epoch, then take its files and folder away. */
export const SystemRemovalOrdered = defineEvent('SystemRemovalOrdered', {
  version: 1,
  schema: z.strictObject({ clusterId, systemId, taskId, nodeId, epoch, at: instant }),
  subjects: ({ systemId, nodeId }) => [`system/${systemId}`, `node/${nodeId}`],
});

const ofNode = { clusterId, nodeId, at: instant };

export const NodeOpened = defineEvent('NodeOpened', {
  version: 1,
  schema: z.strictObject({
    ...ofNode,
    zone: z.string(),
    budget: z.number().positive(),
    /** Until then nothing comes home to it. */ holdUntil: instant.optional(),
  }),
  subjects: nodeSubjects,
});

/** Keeps what it has and gets nothing new. */
export const NodeCordoned = defineEvent('NodeCordoned', {
  version: 1,
  schema: z.strictObject({ ...ofNode, cause: z.enum(['suspect', 'isolated', 'partitioned', 'impaired', 'operator']) }),
  subjects: nodeSubjects,
});

/** Carries nothing any more; its orphans are moved with it or after it. */
export const NodeClosed = defineEvent('NodeClosed', {
  version: 1,
  schema: z.strictObject({ ...ofNode, cause: z.enum(['down', 'impaired', 'retired']), orphans: z.int().nonnegative() }),
  subjects: nodeSubjects,
});

export const placementBrake = z.enum(['halted', 'blind', 'frozen', 'storeRegressed']);

export const PlacementHeld = defineEvent('PlacementHeld', {
  version: 1,
  schema: z.strictObject({ clusterId, brake: placementBrake, at: instant }),
  subjects: ({ clusterId }) => [`cluster/${clusterId}`],
});

export const PlacementResumed = defineEvent('PlacementResumed', {
  version: 1,
  schema: z.strictObject({ clusterId, brake: placementBrake, at: instant }),
  subjects: ({ clusterId }) => [`cluster/${clusterId}`],
});
