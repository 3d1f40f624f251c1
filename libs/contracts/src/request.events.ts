import { z } from 'zod';
import { defineEvent } from './define';
import {
  bytes,
  clusterId,
  instant,
  milliseconds,
  nodeId,
  pointId,
  requestId,
  systemId,
  taskId,
  tokenId,
  volumeId,
} from './ids';

/** viewer < operator < admin */
export const role = z.enum(['viewer', 'operator', 'admin']);
export type Role = z.infer<typeof role>;

/** Who asked, and under which id all that follows will be found. */
const asked = {
  requestId,
  actor: z.strictObject({ tokenId, role }),
  dryRun: z.boolean().default(false),
  planDigest: z.string().optional(),
  expectedVersion: z.int().optional(),
  reason: z.string().min(1).max(500).optional(),
};
const reason = z.string().min(1).max(500);

export const volumeSpec = z.strictObject({ volumeId, sizeBytes: bytes });
export type VolumeSpec = z.infer<typeof volumeSpec>;

/** Somebody wants a new system in this cluster. The load-balancer registers or rejects it. */
export const SystemRequested = defineEvent('SystemRequested', {
  version: 1,
  schema: z.strictObject({
    ...asked,
    systemId,
    clusterId,
    /** None, where it is restored: a backup says itself what volumes it has. */
    volumes: z.array(volumeSpec).max(16),
    fromBackup: z.strictObject({ systemId, pointId }).optional(),
  }),
  subjects: ({ systemId, clusterId }) => [`system/${systemId}`, `cluster/${clusterId}`],
});

/** Somebody wants the system to stop being served; its files stay. */
export const SystemRetirementRequested = defineEvent('SystemRetirementRequested', {
  version: 1,
  schema: z.strictObject({ ...asked, systemId }),
  subjects: ({ systemId }) => [`system/${systemId}`],
});

/** Somebody wants a retired system's files, name and address gone. */
export const SystemDeletionRequested = defineEvent('SystemDeletionRequested', {
  version: 1,
  schema: z.strictObject({ ...asked, systemId }),
  subjects: ({ systemId }) => [`system/${systemId}`],
});

/** Somebody wants work done in the background. `kind` and `bytesPerSec` are judged by the load-balancer. */
export const TaskRequested = defineEvent('TaskRequested', {
  version: 1,
  schema: z.strictObject({
    ...asked,
    clusterId,
    taskId,
    kind: z.string().max(40),
    systemId,
    /** snapshot: a point that is still pinned, else a new one of this name; scrub: the backup to read. */
    pointId,
    /** Bytes read per second, at most; also what the task costs its node. */
    bytesPerSec: z.number().optional(),
  }),
  subjects: ({ taskId, systemId }) => [`task/${taskId}`, `system/${systemId}`],
});

const ofTask = { clusterId, taskId };

/** `toNodeId` left out: to wherever it is placed best, but for where it is. */
export const TaskMoveRequested = defineEvent('TaskMoveRequested', {
  version: 1,
  schema: z.strictObject({ ...asked, ...ofTask, toNodeId: nodeId.optional() }),
  subjects: ({ taskId }) => [`task/${taskId}`],
});

export const TaskCancelRequested = defineEvent('TaskCancelRequested', {
  version: 1,
  schema: z.strictObject({ ...asked, ...ofTask }),
  subjects: ({ taskId }) => [`task/${taskId}`],
});

/** Somebody has looked at why it was parked, and wants it tried again. */
export const TaskRetryRequested = defineEvent('TaskRetryRequested', {
  version: 1,
  schema: z.strictObject({ ...asked, ...ofTask }),
  subjects: ({ taskId }) => [`task/${taskId}`],
});

export const BackupDeletionRequested = defineEvent('BackupDeletionRequested', {
  version: 1,
  schema: z.strictObject({ ...asked, clusterId, systemId, pointId }),
  subjects: ({ systemId, pointId }) => [`backup/${systemId}/${pointId}`, `system/${systemId}`],
});

/** start, or start anew with another deadline: everything leaves the node. stop: it is used again. */
export const NodeDrainRequested = defineEvent('NodeDrainRequested', {
  version: 1,
  schema: z.strictObject({
    ...asked,
    clusterId,
    nodeId,
    action: z.enum(['start', 'stop']),
    deadlineMs: milliseconds,
    /** At the deadline what is left is moved all the same. */
    force: z.boolean(),
  }),
  subjects: ({ clusterId, nodeId }) => [`node/${nodeId}`, `cluster/${clusterId}`],
});

export const RebalanceRequested = defineEvent('RebalanceRequested', {
  version: 1,
  schema: z.strictObject({ ...asked, clusterId }),
  subjects: ({ clusterId }) => [`cluster/${clusterId}`],
});

/** loss: this node dies · join: one more node like this one. */
export const placementChange = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('loss'), nodeId }),
  z.strictObject({ type: z.literal('join'), likeNodeId: nodeId }),
]);
export type PlacementChange = z.infer<typeof placementChange>;

/** What would happen if. Nothing does. */
export const PlacementPlanRequested = defineEvent('PlacementPlanRequested', {
  version: 1,
  schema: z.strictObject({ ...asked, clusterId, change: placementChange }),
  subjects: ({ clusterId }) => [`cluster/${clusterId}`],
});

/** Planned work on a node: no verdict about it until it ends. `drain`: its systems and tasks leave first. */
export const NodeMaintenanceRequested = defineEvent('NodeMaintenanceRequested', {
  version: 1,
  schema: z.strictObject({
    ...asked,
    clusterId,
    nodeId,
    action: z.enum(['start', 'end']),
    forMs: milliseconds,
    drain: z.boolean(),
  }),
  subjects: ({ clusterId, nodeId }) => [`node/${nodeId}`, `cluster/${clusterId}`],
});

/** A person says that this node is gone; `poweredOff` attests that it cannot act any more. */
export const NodeDownRequested = defineEvent('NodeDownRequested', {
  version: 1,
  schema: z.strictObject({ ...asked, reason, clusterId, nodeId, poweredOff: z.boolean() }),
  subjects: ({ clusterId, nodeId }) => [`node/${nodeId}`, `cluster/${clusterId}`],
});

/** A person lifts the freeze of a cluster. */
export const ClusterThawRequested = defineEvent('ClusterThawRequested', {
  version: 1,
  schema: z.strictObject({ ...asked, reason, clusterId }),
  subjects: ({ clusterId }) => [`cluster/${clusterId}`],
});

/** The place where a stream stopped: `<service>.<consumer>` and the stream. */
const parkedPlace = {
  service: z.string(),
  consumer: z.string(),
  stream: z.string(),
  version: z.int().positive(),
};

export const ParkedEventRetryRequested = defineEvent('ParkedEventRetryRequested', {
  version: 1,
  schema: z.strictObject({ ...asked, ...parkedPlace }),
  subjects: ({ service, stream }) => [`service/${service}`, `stream/${stream}`],
});

export const ParkedEventSkipRequested = defineEvent('ParkedEventSkipRequested', {
  version: 1,
  schema: z.strictObject({ ...asked, reason, ...parkedPlace }),
  subjects: ({ service, stream }) => [`service/${service}`, `stream/${stream}`],
});

/** The way on after a fork: forget the stream and ask its owner for all of it. */
export const ParkedStreamReloadRequested = defineEvent('ParkedStreamReloadRequested', {
  version: 1,
  schema: z.strictObject({ ...asked, reason, ...parkedPlace }),
  subjects: ({ service, stream }) => [`service/${service}`, `stream/${stream}`],
});

export const ProjectionRebuildRequested = defineEvent('ProjectionRebuildRequested', {
  version: 1,
  schema: z.strictObject({ ...asked, name: z.string() }),
  subjects: ({ name }) => [`projection/${name}`],
});

/** The owner of a request has not answered. The request stands: an answer may still come. */
export const RequestLeftUnanswered = defineEvent('RequestLeftUnanswered', {
  version: 1,
  schema: z.strictObject({ requestId, owner: z.string(), waitedMs: milliseconds }),
  subjects: ({ requestId }) => [`operation/${requestId}`],
});

/** A cluster exists. `addressRanges` are for its systems alone, in CIDR form: the load-balancer allocates from them. */
export const ClusterRegistered = defineEvent('ClusterRegistered', {
  version: 1,
  schema: z.strictObject({ ...asked, clusterId, name: z.string(), addressRanges: z.array(z.cidrv4()).min(1) }),
  subjects: ({ clusterId }) => [`cluster/${clusterId}`],
});

/** A node belongs to the cluster from now on. `dataAddress` is where peers probe it. */
export const NodeJoined = defineEvent('NodeJoined', {
  version: 1,
  schema: z.strictObject({
    ...asked,
    clusterId,
    nodeId,
    zone: z.string(),
    dataAddress: z.ipv4(),
    engineVersion: z.string(),
    capacity: z.strictObject({ bytesPerSec: z.number().positive() }),
  }),
  subjects: ({ clusterId, nodeId }) => [`node/${nodeId}`, `cluster/${clusterId}`],
});

export const NodeRetired = defineEvent('NodeRetired', {
  version: 1,
  schema: z.strictObject({ ...asked, clusterId, nodeId }),
  subjects: ({ clusterId, nodeId }) => [`node/${nodeId}`, `cluster/${clusterId}`],
});

/** A token may be used from now on. Only its SHA-256 is kept, in hex. */
export const AccessTokenIssued = defineEvent('AccessTokenIssued', {
  version: 1,
  schema: z.strictObject({
    ...asked,
    tokenId,
    role,
    label: z.string().max(100),
    tokenHash: z.string().regex(/^[0-9a-f]{64}$/),
    expiresAt: instant.nullable(),
  }),
  subjects: ({ tokenId }) => [`access-token/${tokenId}`],
});

export const AccessTokenRevoked = defineEvent('AccessTokenRevoked', {
  version: 1,
  schema: z.strictObject({ ...asked, tokenId }),
  subjects: ({ tokenId }) => [`access-token/${tokenId}`],
});

/** Requests under this token were turned away; told at most once a minute. */
export const AccessDenied = defineEvent('AccessDenied', {
  version: 1,
  schema: z.strictObject({ tokenId, count: z.int().positive(), windowSec: z.number().positive() }),
  subjects: ({ tokenId }) => [`access-token/${tokenId}`],
});

/** `fleet`, or the id of one cluster. */
export const automationScope = z.union([z.literal('fleet'), clusterId]);

/** No automatic action in this scope until it is resumed. */
export const AutomationHalted = defineEvent('AutomationHalted', {
  version: 1,
  schema: z.strictObject({ ...asked, reason, scope: automationScope }),
  subjects: ({ scope }) => [scope === 'fleet' ? 'fleet/fleet' : `cluster/${scope}`],
});

export const AutomationResumed = defineEvent('AutomationResumed', {
  version: 1,
  schema: z.strictObject({ ...asked, scope: automationScope }),
  subjects: ({ scope }) => [scope === 'fleet' ? 'fleet/fleet' : `cluster/${scope}`],
});
