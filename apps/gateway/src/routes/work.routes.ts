import {
  BackupDeletionRequested,
  clusterId,
  nodeId,
  NodeDrainRequested,
  NodeMaintenanceRequested,
  placementChange,
  PlacementPlanRequested,
  pointId,
  pointOfRequest,
  RebalanceRequested,
  systemId,
  taskId,
  TaskCancelRequested,
  TaskMoveRequested,
  taskOfRequest,
  TaskRequested,
  TaskRetryRequested,
  type RequestId,
} from '@holdfast/contracts';
import { z } from 'zod';
import type { Known } from '../requests/known';
import { clusterOf, nodeOf } from '../requests/membership';
import { hasNoPlan, refuseExpired } from '../requests/plans';
import { act, type ActRoute } from './route';

/* Requests about work that some node carries, and about emptying and levelling nodes. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const reason = z.string().min(1).max(500);
const perhapsBecause = z.strictObject({ reason: reason.optional() });
const planned = z.strictObject({ planDigest: z.string().min(1).max(100).optional(), reason: reason.optional() });
const ofTask = z.strictObject({ taskId });
const ofNode = z.strictObject({ nodeId });
const ofCluster = z.strictObject({ clusterId });

/** The kind and the rate are judged by the load-balancer: it knows what nodes can carry. */
const wantedTask = z
  .strictObject({
    kind: z.string().min(1).max(40),
    systemId,
    pointId: pointId.optional(),
    bytesPerSec: z.number().optional(),
    reason: reason.optional(),
  })
  .superRefine(({ kind, pointId: point }, found) => {
    if (kind === 'scrub' && point === undefined)
      found.addIssue({ code: 'custom', path: ['pointId'], message: 'a scrub reads one backup: name its point' });
  });

/** What it works on, and in which cluster: a system has moved when its older backups have not. */
async function homeOf({ kind, systemId: system, pointId: point }: z.infer<typeof wantedTask>, known: Known) {
  if (kind === 'scrub' && point !== undefined) return (await known.backup(system, point)).clusterId;
  const { clusterId: home } = await known.system(system);
  return home;
}

const tasks: readonly ActRoute[] = [
  act('/v1/tasks', {
    summary: 'Submit a task: a snapshot of a system, or a scrub of one of its backups',
    role: 'operator',
    event: TaskRequested,
    body: wantedTask,
    request: async ({ body }, known) => {
      const id = known.requestId as RequestId;
      const home = await homeOf(body, known);
      const own = { taskId: taskOfRequest(id), pointId: body.pointId ?? pointOfRequest(id) };
      return { data: { ...body, ...own, clusterId: home }, partitionKey: home };
    },
  }),
  act('/v1/tasks/:taskId/move', {
    summary: 'Move a task to another node; without `toNodeId` to the best one',
    role: 'operator',
    event: TaskMoveRequested,
    params: ofTask,
    body: z.strictObject({ toNodeId: nodeId.optional(), reason: reason.optional() }),
    request: async ({ params, body }, known) => {
      if (body.toNodeId !== undefined) nodeOf(body.toNodeId, await known.members());
      return onTask({ ...params, ...body }, known);
    },
  }),
  act('/v1/tasks/:taskId/cancel', {
    summary: 'Call a task off; what it has made goes',
    role: 'operator',
    event: TaskCancelRequested,
    params: ofTask,
    body: perhapsBecause,
    request: ({ params, body }, known) => onTask({ ...params, ...body }, known),
  }),
  act('/v1/tasks/:taskId/retry', {
    summary: 'Try a parked task again',
    role: 'operator',
    event: TaskRetryRequested,
    params: ofTask,
    body: perhapsBecause,
    request: ({ params, body }, known) => onTask({ ...params, ...body }, known),
  }),
];

async function onTask(wish: { taskId: string }, known: Known) {
  const { clusterId: home } = await known.task(wish.taskId);
  return { data: { ...wish, clusterId: home }, partitionKey: home };
}

const backups: readonly ActRoute[] = [
  act('/v1/backups/:systemId/:pointId/delete', {
    summary: 'Delete a backup that no task refers to',
    role: 'operator',
    event: BackupDeletionRequested,
    params: z.strictObject({ systemId, pointId }),
    body: perhapsBecause,
    request: async ({ params, body }, known) => {
      const { clusterId: home } = await known.backup(params.systemId, params.pointId);
      return { data: { ...params, ...body, clusterId: home }, partitionKey: home };
    },
  }),
];

const nodes: readonly ActRoute[] = [
  act('/v1/nodes/:nodeId/drain', {
    summary: 'Empty a node: tasks at their checkpoints, systems last; or use it again',
    role: 'operator',
    event: NodeDrainRequested,
    params: ofNode,
    body: planned.extend({
      action: z.enum(['start', 'stop']).default('start'),
      deadlineMs: z
        .number()
        .min(1_000)
        .max(24 * HOUR_MS)
        .default(10 * MINUTE_MS),
      force: z.boolean().default(false),
    }),
    request: async ({ params, query, body }, known) => {
      if (query.dryRun && body.action === 'stop')
        throw hasNoPlan('the stop of a drain', 'nothing moves, the node is but used again');
      const { clusterId: home } = nodeOf(params.nodeId, await known.members());
      await refuseExpired(body.planDigest, `node/${params.nodeId}`, known);
      return { data: { ...params, ...body, clusterId: home }, partitionKey: home };
    },
  }),
  act('/v1/nodes/:nodeId/maintenance', {
    summary: 'Planned work on a node: no verdict about it until then',
    role: 'operator',
    event: NodeMaintenanceRequested,
    params: ofNode,
    body: z
      .strictObject({
        action: z.enum(['start', 'end']),
        forMs: z
          .number()
          .min(1_000)
          .default(2 * HOUR_MS),
        drain: z.boolean().default(false),
        reason: reason.optional(),
      })
      .superRefine(({ action, reason: why }, found) => {
        if (action === 'start' && why === undefined)
          found.addIssue({ code: 'custom', path: ['reason'], message: 'say why: others read it' });
      }),
    request: async ({ params, body }, known) => {
      const { clusterId: home } = nodeOf(params.nodeId, await known.members());
      return { data: { ...params, ...body, clusterId: home }, partitionKey: home };
    },
  }),
];

const clusters: readonly ActRoute[] = [
  act('/v1/clusters/:clusterId/rebalance', {
    summary: 'Level the background work of a cluster out; systems stay',
    role: 'operator',
    event: RebalanceRequested,
    params: ofCluster,
    body: planned,
    request: async ({ params, body }, known) => {
      clusterOf(params.clusterId, await known.members());
      await refuseExpired(body.planDigest, `cluster/${params.clusterId}`, known);
      return { data: { ...params, ...body }, partitionKey: params.clusterId };
    },
  }),
  act('/v1/clusters/:clusterId/placement-plans', {
    summary: 'What the loss of a node, or one more like it, would do; nothing is done',
    // Whoever may read the fleet may ask this of it.
    role: 'viewer',
    event: PlacementPlanRequested,
    params: ofCluster,
    body: z.strictObject({ change: placementChange }),
    request: async ({ params, body: { change } }, known) => {
      const members = await known.members();
      clusterOf(params.clusterId, members);
      nodeOf(change.type === 'loss' ? change.nodeId : change.likeNodeId, members);
      return { data: { ...params, change, dryRun: true }, partitionKey: params.clusterId };
    },
  }),
];

export const workRoutes: readonly ActRoute[] = [...tasks, ...backups, ...nodes, ...clusters];
