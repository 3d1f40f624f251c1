import { z } from 'zod';
import { defineEvent } from './define';
import { clusterId, epoch, incarnation, instant, milliseconds, nodeId, requestId, systemId, taskId } from './ids';
import { volumeSpec } from './request.events';

const systemSubjects = ({ systemId }: { systemId: string }) => [`system/${systemId}`];
const nodeSubjects = ({ clusterId, nodeId }: { clusterId: string; nodeId: string }) => [
  `node/${nodeId}`,
  `cluster/${clusterId}`,
];
/** A serve task belongs to its system too, so that the system's story holds it. */
const taskSubjects = ({
  taskId,
  subject,
  nodeId,
}: {
  taskId: string;
  subject: string;
  nodeId?: string | undefined;
}) => [`task/${taskId}`, subject, ...(nodeId ? [`node/${nodeId}`] : [])];

/* ---- system-<systemId>: who owns it, over all clusters ---- */

export const systemRefusal = z.enum([
  'NAME_TAKEN',
  'ADDRESS_TAKEN',
  'ADDRESS_EXHAUSTED',
  'NO_NODE',
  'NO_SPACE',
  'MEDIUM_INVALID',
  'UNKNOWN_CLUSTER',
]);

/** The system exists: its name, address and volumes are its own until it is retired and deleted. */
export const SystemRegistered = defineEvent('SystemRegistered', {
  version: 1,
  schema: z.strictObject({
    systemId,
    clusterId,
    address: z.ipv4(),
    volumes: z.array(volumeSpec),
    requestId,
    at: instant,
  }),
  subjects: ({ systemId, clusterId }) => [`system/${systemId}`, `cluster/${clusterId}`],
});

/** Refused, or its creation failed: nothing of it is left. */
export const SystemRejected = defineEvent('SystemRejected', {
  version: 1,
  schema: z.strictObject({ systemId, clusterId, reason: systemRefusal, requestId, at: instant }),
  subjects: systemSubjects,
});

export const SystemRetirementRejected = defineEvent('SystemRetirementRejected', {
  version: 1,
  schema: z.strictObject({ systemId, requestId, reason: z.enum(['UNKNOWN', 'RESERVED']), at: instant }),
  subjects: systemSubjects,
});

export const SystemDeletionRejected = defineEvent('SystemDeletionRejected', {
  version: 1,
  schema: z.strictObject({ systemId, requestId, reason: z.enum(['UNKNOWN', 'NOT_RETIRED', 'RESERVED']), at: instant }),
  subjects: systemSubjects,
});

/** Its retirement has begun: no grant from now on. */
export const SystemRetirementStarted = defineEvent('SystemRetirementStarted', {
  version: 1,
  schema: z.strictObject({ systemId, clusterId, requestId, at: instant }),
  subjects: systemSubjects,
});

/** No longer served; its files, name and address are kept. */
export const SystemRetired = defineEvent('SystemRetired', {
  version: 1,
  schema: z.strictObject({ systemId, clusterId, at: instant }),
  subjects: systemSubjects,
});

/** Its deletion has begun: the files are going. */
export const SystemDeletionStarted = defineEvent('SystemDeletionStarted', {
  version: 1,
  schema: z.strictObject({ systemId, clusterId, epoch, requestId, at: instant }),
  subjects: systemSubjects,
});

/** Files, name and address are free. The name, used again, goes on counting epochs. */
export const SystemDeleted = defineEvent('SystemDeleted', {
  version: 1,
  schema: z.strictObject({ systemId, clusterId, at: instant }),
  subjects: systemSubjects,
});

export const moveCause = z.enum(['nodeDown', 'impaired', 'notTaken', 'declined', 'operator']);
export const assignCause = z.enum(['admitted', 'retry', 'nodeStarted', 'kept']);

/** This node, and no other, may serve the system at this epoch. Committed with the order that says so. */
export const SystemServeGranted = defineEvent('SystemServeGranted', {
  version: 1,
  schema: z.strictObject({
    systemId,
    clusterId,
    nodeId,
    epoch,
    cause: z.union([moveCause, assignCause]),
    operationId: requestId.optional(),
    at: instant,
  }),
  subjects: ({ systemId, nodeId }) => [`system/${systemId}`, `node/${nodeId}`],
});

/** This node, and no other, may take the system's files away at this epoch. Committed with the order that says so. */
export const SystemRemovalGranted = defineEvent('SystemRemovalGranted', {
  version: 1,
  schema: z.strictObject({
    systemId,
    clusterId,
    nodeId,
    epoch,
    cause: z.enum(['deletion', 'creationFailed']),
    at: instant,
  }),
  subjects: ({ systemId, nodeId }) => [`system/${systemId}`, `node/${nodeId}`],
});

/* ---- routing-table-<clusterId>: what each node is told to carry ---- */

export const taskKind = z.enum(['serve']);
export const serveSpec = z.strictObject({
  systemId,
  address: z.ipv4(),
  volumes: z.array(volumeSpec).min(1),
  /** Set until the first `TaskStartConfirmed`: only then may a node make the system's folder and images. */
  create: z.boolean().optional(),
});
export type ServeSpec = z.infer<typeof serveSpec>;

/** Why this node: the best candidates with score and load, and how many nodes each filter excluded. */
export const placement = z.strictObject({
  candidates: z
    .array(z.strictObject({ nodeId, rank: z.int().positive(), score: z.number(), load: z.number(), bound: z.number() }))
    .max(8),
  excluded: z.array(z.strictObject({ nodeId, filter: z.string() })).max(32),
});
export type Placement = z.infer<typeof placement>;

const ofTask = { clusterId, taskId, kind: taskKind, subject: z.string(), at: instant };

export const TaskAdmitted = defineEvent('TaskAdmitted', {
  version: 1,
  schema: z.strictObject({
    ...ofTask,
    spec: serveSpec,
    cost: z.number().nonnegative(),
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
  spec: serveSpec,
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
  schema: z.strictObject({ ...ofTask, nodeId, epoch, cause: z.enum(['retirement', 'operator']) }),
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
  schema: z.strictObject({ ...ofTask, nodeId, epoch, tookMs: milliseconds, created: z.boolean() }),
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
  schema: z.strictObject({ ...ofTask, attempt: z.int().positive(), code: z.string(), notBefore: instant }),
  subjects: taskSubjects,
});

export const TaskCancelled = defineEvent('TaskCancelled', {
  version: 1,
  schema: z.strictObject({ ...ofTask, by: z.enum(['retirement', 'creationFailed', 'operator']) }),
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
  schema: z.strictObject({ ...ofNode, zone: z.string(), budget: z.number().positive() }),
  subjects: nodeSubjects,
});

/** Keeps what it has and gets nothing new. */
export const NodeCordoned = defineEvent('NodeCordoned', {
  version: 1,
  schema: z.strictObject({ ...ofNode, cause: z.enum(['suspect', 'isolated', 'impaired', 'operator']) }),
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
