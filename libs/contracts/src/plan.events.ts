import { z } from 'zod';
import { defineEvent } from './define';
import { clusterId, instant, nodeId, requestId, taskId } from './ids';
import { placementChange } from './request.events';
import { taskKind } from './task-terms';

/* Drains, rebalances, and the plans that show beforehand what they would do. */

const nodeSubjects = ({ clusterId, nodeId }: { clusterId: string; nodeId: string }) => [
  `node/${nodeId}`,
  `cluster/${clusterId}`,
];
const clusterSubjects = ({ clusterId }: { clusterId: string }) => [`cluster/${clusterId}`];

/**
 * One step of a plan, in the order in which it would be done.
 * finish: ends by itself within 3 minutes, left alone · recall: stopped at its checkpoint, then goes on there ·
 * move: served or carried there at once · wait: no node could take it.
 */
export const planStep = z.strictObject({
  does: z.enum(['finish', 'recall', 'move', 'wait']),
  taskId,
  kind: taskKind,
  subject: z.string(),
  fromNodeId: nodeId.nullable(),
  toNodeId: nodeId.nullable(),
  /** Clients of the system connect anew, once. */
  reconnects: z.boolean(),
  /** `wait`: how many nodes each filter excluded. */
  blockedBy: z.record(z.string(), z.int()).optional(),
});
export type PlanStep = z.infer<typeof planStep>;

export const planFinding = z.strictObject({
  code: z.enum([
    'RECONNECTS',
    'ONLY_NODE_WITH_MEDIUM',
    'CAPACITY_SHORT',
    'SYSTEM_RESERVED',
    'LEVEL_ALREADY',
    'NODE_NOT_OPEN',
    'PLACEMENT_HELD',
  ]),
  severity: z.enum(['info', 'warning', 'error']),
  subject: z.string(),
  /** What is so, and what the reader can do about it. */
  text: z.string(),
  remedy: z.string().nullable(),
});
export type PlanFinding = z.infer<typeof planFinding>;

/** The digest is over the change and the steps: the same picture gives the same digest. */
export const placementPlan = z.strictObject({
  planDigest: z.string(),
  steps: z.array(planStep).max(1000),
  findings: z.array(planFinding).max(100),
  /** Steps beyond those shown. */
  more: z.int().nonnegative(),
  reconnects: z.int().nonnegative(),
  /** Cost in bytes per second that no node could take. */
  shortfall: z.number().nonnegative(),
  /** Largest load over fair share among the nodes: now, and after. */
  maxOverFair: z.strictObject({ now: z.number(), after: z.number() }),
});
export type PlacementPlan = z.infer<typeof placementPlan>;

const planned = {
  clusterId,
  requestId,
  plan: placementPlan,
  basedOnVersion: z.int().nonnegative(),
  expiresAt: instant,
  at: instant,
};

export const NodeDrainPlanned = defineEvent('NodeDrainPlanned', {
  version: 1,
  schema: z.strictObject({ ...planned, nodeId }),
  subjects: nodeSubjects,
});

export const RebalancePlanned = defineEvent('RebalancePlanned', {
  version: 1,
  schema: z.strictObject(planned),
  subjects: clusterSubjects,
});

/** What a loss or a join would do. */
export const PlacementPlanned = defineEvent('PlacementPlanned', {
  version: 1,
  schema: z.strictObject({ ...planned, change: placementChange }),
  subjects: ({ clusterId, change }) => [
    `cluster/${clusterId}`,
    ...(change.type === 'loss' ? [`node/${change.nodeId}`] : []),
  ],
});

/** The answer to an applied plan that is not the plan any more: both, to be compared. */
const planChanged = { planDigest: z.string().optional(), plan: placementPlan.optional() };

export const NodeDrainStarted = defineEvent('NodeDrainStarted', {
  version: 1,
  schema: z.strictObject({
    clusterId,
    nodeId,
    deadlineAt: instant,
    /** At the deadline what is left is moved all the same. */
    force: z.boolean(),
    by: z.enum(['operator', 'maintenance']),
    planDigest: z.string().optional(),
    at: instant,
  }),
  subjects: nodeSubjects,
});

export const NodeDrainRejected = defineEvent('NodeDrainRejected', {
  version: 1,
  schema: z.strictObject({
    clusterId,
    nodeId,
    requestId,
    reason: z.enum(['UNKNOWN_NODE', 'NODE_NOT_OPEN', 'CAPACITY_SHORT', 'PLAN_CHANGED', 'NOT_DRAINING']),
    ...planChanged,
    at: instant,
  }),
  subjects: nodeSubjects,
});

/** Empty. It stays so until the drain is stopped. */
export const NodeDrained = defineEvent('NodeDrained', {
  version: 1,
  schema: z.strictObject({ clusterId, nodeId, at: instant }),
  subjects: nodeSubjects,
});

/** The deadline is past and something is left: extend, stop, or force. */
export const NodeDrainOverdue = defineEvent('NodeDrainOverdue', {
  version: 1,
  schema: z.strictObject({ clusterId, nodeId, left: z.array(taskId).max(1000), at: instant }),
  subjects: nodeSubjects,
});

/** The node is as open as its health lets it be. */
export const NodeDrainStopped = defineEvent('NodeDrainStopped', {
  version: 1,
  schema: z.strictObject({
    clusterId,
    nodeId,
    // `nodeDown` is told no more: a drain outlives the loss of its node.
    by: z.enum(['operator', 'maintenanceEnded', 'nodeDown', 'nodeRetired']),
    at: instant,
  }),
  subjects: nodeSubjects,
});

export const RebalanceStarted = defineEvent('RebalanceStarted', {
  version: 1,
  schema: z.strictObject({ clusterId, by: z.enum(['operator', 'automatic']), maxOverFair: z.number(), at: instant }),
  subjects: clusterSubjects,
});

export const RebalanceEnded = defineEvent('RebalanceEnded', {
  version: 1,
  schema: z.strictObject({ clusterId, maxOverFair: z.number(), moves: z.int().nonnegative(), at: instant }),
  subjects: clusterSubjects,
});

export const RebalanceRejected = defineEvent('RebalanceRejected', {
  version: 1,
  schema: z.strictObject({
    clusterId,
    requestId,
    reason: z.enum(['PLAN_CHANGED', 'LEVEL_ALREADY', 'NODE_NOT_OPEN', 'RUNNING']),
    ...planChanged,
    at: instant,
  }),
  subjects: clusterSubjects,
});

export const PlacementPlanRejected = defineEvent('PlacementPlanRejected', {
  version: 1,
  schema: z.strictObject({ clusterId, requestId, reason: z.enum(['UNKNOWN_NODE', 'UNKNOWN_CLUSTER']), at: instant }),
  subjects: clusterSubjects,
});
