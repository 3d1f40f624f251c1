import { z } from 'zod';
import { defineEvent, defineSample } from './define';
import { bytes, clusterId, epoch, incarnation, instant, milliseconds, nodeId, requestId, systemId } from './ids';

/** Every event of a cluster's health carries `at` on the log clock: the broker's append time, not ours. */
const seen = { clusterId, at: instant };
const ofNode = { ...seen, nodeId };
const nodeSubjects = ({ clusterId, nodeId }: { clusterId: string; nodeId: string }) => [
  `node/${nodeId}`,
  `cluster/${clusterId}`,
];
const clusterSubjects = ({ clusterId }: { clusterId: string }) => [`cluster/${clusterId}`];

export const nodeStatus = z.enum(['joining', 'healthy', 'suspect', 'down', 'isolated', 'partitioned', 'impaired']);
export type NodeStatus = z.infer<typeof nodeStatus>;

/** How far the observer had read when it decided. */
export const watermark = z.strictObject({ partition: z.int(), offset: z.string(), at: instant });

/** What one peer last saw of a node. */
export const peerEvidence = z.strictObject({
  nodeId,
  outcome: z.enum(['reached', 'timeout', 'refused', 'failed']),
  ageMs: milliseconds,
});
export type PeerEvidence = z.infer<typeof peerEvidence>;

export const evidence = z.strictObject({
  /** The row of the verdict table that was met. */
  rule: z.enum(['twoPeersFail', 'onePeerFails', 'peerReaches', 'peersFail', 'reportedImpaired', 'operator']),
  peers: z.array(peerEvidence),
  lateNodes: z.int().nonnegative(),
  limit: z.int().positive(),
});
export type Evidence = z.infer<typeof evidence>;

export const NodeWatched = defineEvent('NodeWatched', {
  version: 1,
  schema: z.strictObject({ ...ofNode, zone: z.string(), dataAddress: z.ipv4() }),
  subjects: nodeSubjects,
});

export const NodeUnwatched = defineEvent('NodeUnwatched', {
  version: 1,
  schema: z.strictObject(ofNode),
  subjects: nodeSubjects,
});

/** Who probes whom, whole: it replaces the plan before. Agents keep no plan over a restart. */
export const ProbePlanIssued = defineEvent('ProbePlanIssued', {
  version: 1,
  schema: z.strictObject({
    ...seen,
    edges: z.array(z.strictObject({ fromNodeId: nodeId, toNodeId: nodeId, dataAddress: z.ipv4() })),
  }),
  subjects: clusterSubjects,
});

/** Silent at its deadline. It gets nothing new; nothing moves yet. */
export const NodeSuspected = defineEvent('NodeSuspected', {
  version: 1,
  schema: z.strictObject({
    ...ofNode,
    observerId: z.string(),
    lastSeq: z.int().nonnegative(),
    lastHeartbeatAt: instant,
    deadlineAt: instant,
    watermark,
  }),
  subjects: nodeSubjects,
});

export const NodeSuspicionWithdrawn = defineEvent('NodeSuspicionWithdrawn', {
  version: 1,
  schema: z.strictObject({ ...ofNode, reason: z.enum(['heartbeat', 'blind']) }),
  subjects: nodeSubjects,
});

export const brake = z.enum(['halted', 'blind', 'frozen', 'maintenance', 'noEvidence']);
export type Brake = z.infer<typeof brake>;

/** A rule is met but a brake forbids the verdict. Told once per suspicion and brake. */
export const VerdictWithheld = defineEvent('VerdictWithheld', {
  version: 1,
  schema: z.strictObject({ ...ofNode, verdict: z.enum(['down', 'isolated', 'partitioned', 'impaired']), brake }),
  subjects: nodeSubjects,
});

/** The node is out of service until `NodeRecovered`: its systems and tasks may be moved. */
export const NodeDeclaredDown = defineEvent('NodeDeclaredDown', {
  version: 1,
  schema: z.strictObject({
    ...ofNode,
    reason: z.enum(['heartbeatTimeout', 'operatorRequest']),
    lastHeartbeatAt: instant.nullable(),
    silentMs: milliseconds.nullable(),
    incarnation: incarnation.nullable(),
    evidence,
    requestId: requestId.optional(),
  }),
  subjects: nodeSubjects,
});

/** Silent, yet peers reach its data path: its control path is cut, or its agent is dead while daemons serve. */
export const NodeFoundIsolated = defineEvent('NodeFoundIsolated', {
  version: 1,
  schema: z.strictObject({ ...ofNode, lastHeartbeatAt: instant, silentMs: milliseconds, evidence }),
  subjects: nodeSubjects,
});

/** It beats, and says that a part of it does not work. */
export const NodeFoundImpaired = defineEvent('NodeFoundImpaired', {
  version: 1,
  schema: z.strictObject({
    ...ofNode,
    part: z.enum(['engine', 'media', 'agent', 'watchdog']),
    code: z.string(),
    evidence,
  }),
  subjects: nodeSubjects,
});

/** It beats, and its peers cannot reach it over the data path: it keeps what it has and gets nothing new. */
export const NodeFoundPartitioned = defineEvent('NodeFoundPartitioned', {
  version: 1,
  schema: z.strictObject({ ...ofNode, evidence }),
  subjects: nodeSubjects,
});

/** Planned work: no verdict about this node until then. */
export const NodeMaintenanceStarted = defineEvent('NodeMaintenanceStarted', {
  version: 1,
  schema: z.strictObject({
    ...ofNode,
    until: instant,
    drain: z.boolean(),
    by: z.string(),
    reason: z.string(),
    requestId,
  }),
  subjects: nodeSubjects,
});

export const NodeMaintenanceEnded = defineEvent('NodeMaintenanceEnded', {
  version: 1,
  schema: z.strictObject({ ...ofNode, by: z.enum(['operator', 'time']), requestId: requestId.optional() }),
  subjects: nodeSubjects,
});

export const NodeMaintenanceRejected = defineEvent('NodeMaintenanceRejected', {
  version: 1,
  schema: z.strictObject({
    ...ofNode,
    requestId,
    reason: z.enum(['UNKNOWN_NODE', 'MAINTENANCE_TOO_LONG', 'NOT_IN_MAINTENANCE']),
  }),
  subjects: nodeSubjects,
});

/** A new incarnation of its agent beats: a report, no verdict. */
export const NodeRestarted = defineEvent('NodeRestarted', {
  version: 1,
  schema: z.strictObject({ ...ofNode, incarnation, previousIncarnation: incarnation }),
  subjects: nodeSubjects,
});

/** Healthy, for the first time or again. This opens the node for placement. */
export const NodeRecovered = defineEvent('NodeRecovered', {
  version: 1,
  schema: z.strictObject({
    ...ofNode,
    fromStatus: nodeStatus,
    incarnation,
    /** For so long nothing comes home to it: the longer, the oftener it was down within the hour. */
    holdMs: milliseconds,
    /** It was only slow: its own pause was shorter than the silence it was declared down for. */
    declaredWrongly: z.boolean(),
    ownPauseMs: milliseconds,
  }),
  subjects: nodeSubjects,
});

/** The observer is blind here: no verdict, no status change until sight is back. */
export const ClusterSightLost = defineEvent('ClusterSightLost', {
  version: 1,
  schema: z.strictObject({ ...seen, cause: z.enum(['partition', 'broker', 'timestampType']) }),
  subjects: clusterSubjects,
});

export const ClusterSightRegained = defineEvent('ClusterSightRegained', {
  version: 1,
  schema: z.strictObject({ ...seen, blindMs: milliseconds, sightHoldMs: milliseconds }),
  subjects: clusterSubjects,
});

/** More nodes are late at once than can fail apart: it is one cause, and likely ours. Nothing is declared. */
export const ClusterFrozen = defineEvent('ClusterFrozen', {
  version: 1,
  schema: z.strictObject({
    ...seen,
    cause: z.enum(['massSilence', 'allSilent']),
    lateNodeIds: z.array(nodeId),
    limit: z.int().positive(),
  }),
  subjects: clusterSubjects,
});

export const ClusterThawed = defineEvent('ClusterThawed', {
  version: 1,
  schema: z.strictObject({ ...seen, by: z.enum(['beats', 'operator']), requestId: requestId.optional() }),
  subjects: clusterSubjects,
});

export const NodeDownRejected = defineEvent('NodeDownRejected', {
  version: 1,
  schema: z.strictObject({
    ...ofNode,
    requestId,
    reason: z.enum(['UNKNOWN_NODE', 'ALREADY_DOWN', 'NODE_BEATS', 'ATTESTATION_CONTRADICTED']),
    reachedBy: z.array(nodeId),
  }),
  subjects: nodeSubjects,
});

export const ClusterThawRejected = defineEvent('ClusterThawRejected', {
  version: 1,
  schema: z.strictObject({ ...seen, requestId, reason: z.enum(['UNKNOWN_CLUSTER', 'NOT_FROZEN', 'ALL_SILENT']) }),
  subjects: clusterSubjects,
});

/** Each second from every agent, on its cluster's partition. Ages, not times: no clocks are compared. */
export const HeartbeatObserved = defineSample('HeartbeatObserved', {
  version: 1,
  schema: z.strictObject({
    clusterId,
    nodeId,
    incarnation,
    seq: z.int().nonnegative(),
    sentMonotonicMs: milliseconds,
    watchdogAlive: z.boolean(),
    /** The longest time in which the agent itself did not run, since the beat before. */
    ownPauseMs: milliseconds,
    engine: z.strictObject({
      state: z.enum(['ok', 'handingOver', 'blocked', 'journalFailed', 'dead']),
      qmpMs: milliseconds.nullable(),
    }),
    media: z.array(z.strictObject({ mediaId: z.string(), state: z.enum(['ok', 'dead']), freeBytes: bytes })),
    daemons: z.array(z.strictObject({ systemId, epoch, writeBytesPerSec: z.number().nonnegative() })),
    probes: z.array(
      z.strictObject({
        nodeId,
        outcome: z.enum(['reached', 'timeout', 'refused', 'failed']),
        ageMs: milliseconds,
        ms: milliseconds,
      }),
    ),
    load: z.strictObject({
      iops: z.number().nonnegative(),
      bytesPerSec: z.number().nonnegative(),
      cpuPercent: z.number().nonnegative(),
    }),
  }),
  subject: ({ nodeId }) => `node/${nodeId}`,
});

/** The observer's own beat through every partition: when it does not come back, the observer is blind. */
export const LogCanaryObserved = defineSample('LogCanaryObserved', {
  version: 1,
  schema: z.strictObject({ observerId: z.string(), bootId: z.uuid(), seq: z.int().nonnegative() }),
  subject: ({ observerId }) => `observer/${observerId}`,
});
