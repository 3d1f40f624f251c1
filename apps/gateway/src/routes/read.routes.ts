import { z } from 'zod';
import { Problem } from '../http/problem';
import type { AutomationRow } from '../projections/clusters.projection';
import { operationList } from '../projections/operations.projection';
import type { ParkedRow } from '../projections/parked-events.projection';
import { taskList } from '../projections/tasks.projection';
import type { TokenRow } from '../projections/tokens.projection';
import type { BackupView } from '../views/backup.view';
import type { ClusterView } from '../views/cluster.view';
import type { NodeView } from '../views/node.view';
import type { OperationView } from '../views/operation.view';
import { projectionsOf, servicesOf, type ProjectionView } from '../views/service.view';
import { states } from '../views/states';
import type { SystemView } from '../views/system.view';
import type { TaskView } from '../views/task.view';
import { causeTree } from '../why/causes';
import { Reasons } from '../why/reasons';
import { asOfQuery, history, id, item, list, one, single, type List } from './lists';
import { read, type ReadRoute } from './route';
import * as shape from './shapes';

const clusters: List<ClusterView> = {
  summary: 'The clusters of the fleet',
  summaryOfOne: 'A cluster: what is seen of it, and what holds it',
  item: shape.cluster,
  by: 'clusterId',
  all: (views) => views.clusters(),
  one: (views, clusterId) => views.cluster(clusterId),
};
const nodes: List<NodeView> = {
  summary: 'The nodes of all clusters',
  summaryOfOne: 'A node: its status as decided, and its last heartbeat',
  item: shape.node,
  by: 'nodeId',
  all: (views) => views.nodes(),
  one: (views, nodeId) => views.node(nodeId),
};
const systems: List<SystemView> = {
  summary: 'The systems, who serves them, and since when',
  summaryOfOne: 'A system',
  item: shape.system,
  by: 'systemId',
  all: (views) => views.systems(),
  one: (views, systemId) => views.system(systemId),
};
const tasks: List<TaskView> = {
  summary: 'The tasks; those of kind serve only when asked for',
  summaryOfOne: 'A task',
  item: shape.task,
  by: 'taskId',
  sort: taskList.sort,
  all: (views, page) => views.tasks(page),
  one: (views, taskId) => views.task(taskId),
};
const backups: List<BackupView> = {
  summary: 'The backups: what they are of, how large, and whether they can be restored',
  summaryOfOne: 'A backup',
  item: shape.backup,
  by: 'backupId',
  sort: '-at',
  all: (views) => views.backups(),
  one: (views, backupId) => views.backup(backupId),
};
const operations: List<OperationView> = {
  summary: 'What was asked for, the newest first',
  item: shape.operation,
  by: 'id',
  sort: operationList.sort,
  all: (views, page) => views.operations(page),
};

const services: List<ReturnType<typeof servicesOf>[number]> = {
  summary: 'What runs, as each part said of itself last',
  item: shape.service,
  by: 'service',
  ephemeral: true,
  all: (views) => Promise.resolve(servicesOf(views)),
};
const parked: List<ParkedRow> = {
  summary: 'Streams that stopped, and at which event',
  item: shape.parked,
  by: 'parkedId',
  all: (views) => views.rows<ParkedRow>('parked-events'),
};
const projections: List<ProjectionView> = {
  summary: 'How far each picture of the fleet is, and which stands still',
  item: shape.projection,
  by: 'name',
  ephemeral: true,
  all: projectionsOf,
};
const automation: List<AutomationRow> = {
  summary: 'Where automatic actions are halted',
  item: shape.automation,
  by: 'scope',
  all: (views) => views.rows<AutomationRow>('automation'),
  one: (views, scope) => views.the<AutomationRow>('scope', 'automation', scope),
};
const tokens: List<TokenRow> = {
  summary: 'Access tokens; never their secrets',
  item: shape.token,
  by: 'tokenId',
  role: 'admin',
  all: (views) => views.rows<TokenRow>('access-tokens'),
  one: (views, tokenId) => views.the<TokenRow>('access-token', 'access-tokens', tokenId),
};

const eventsQuery = asOfQuery.extend({
  subject: z.string().max(250).optional(),
  correlation: z.uuid().optional(),
  type: z.string().max(100).optional(),
  since: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  order: z.enum(['oldest', 'newest']).default('oldest'),
});

export const readRoutes: readonly ReadRoute[] = [
  list('/v1/clusters', clusters),
  item('/v1/clusters/:clusterId', 'cluster', clusters),
  history('/v1/clusters/:clusterId/history', { kind: 'cluster', projection: 'clusters', body: states.cluster }),
  read('/v1/clusters/:clusterId/why', {
    summary: 'Why a cluster is held, or is not',
    params: z.strictObject({ clusterId: id }),
    answer: shape.why,
    read: async ({ params }, views) => {
      const { clusterId } = await views.cluster(params.clusterId);
      return new Reasons(views.from.feed).cluster(clusterId);
    },
  }),
  list('/v1/nodes', nodes),
  item('/v1/nodes/:nodeId', 'node', nodes),
  history('/v1/nodes/:nodeId/history', { kind: 'node', projection: 'nodes', body: states.node }),
  read('/v1/nodes/:nodeId/why', {
    summary: 'Why a node has its status: the rule and the evidence',
    params: z.strictObject({ nodeId: id }),
    answer: shape.why,
    read: async ({ params }, views) => {
      const { nodeId, clusterId } = await views.node(params.nodeId);
      return new Reasons(views.from.feed).node(nodeId, clusterId);
    },
  }),
  list('/v1/systems', systems),
  item('/v1/systems/:systemId', 'system', systems),
  history('/v1/systems/:systemId/history', { kind: 'system', projection: 'systems', body: states.system }),
  read('/v1/systems/:systemId/why', {
    summary: 'Why a system is served where it is',
    params: z.strictObject({ systemId: id }),
    answer: shape.why,
    read: async ({ params }, views) => {
      const { systemId } = await views.system(params.systemId);
      return new Reasons(views.from.feed).system(systemId, await views.standing(systemId));
    },
  }),
  list('/v1/tasks', tasks),
  item('/v1/tasks/:taskId', 'task', tasks),
  history('/v1/tasks/:taskId/history', { kind: 'task', projection: 'tasks', body: states.itself }),
  read('/v1/tasks/:taskId/why', {
    summary: 'Why a task is where it is',
    params: z.strictObject({ taskId: id }),
    answer: shape.why,
    read: async ({ params }, views) => {
      const task = await views.task(params.taskId);
      const { taskId, kind, systemId, clusterId } = task;
      const reasons = new Reasons(views.from.feed);
      // What serves a system stands as the system does: under a brake too.
      if (kind === 'serve') return reasons.system(systemId, await views.standing(systemId), `task/${taskId}`);
      return reasons.work(task, (await views.brakesOf([task])).get(clusterId));
    },
  }),
  list('/v1/backups', backups),
  item('/v1/backups/:systemId/:pointId', 'backup', backups),
  history('/v1/backups/:systemId/:pointId/history', { kind: 'backup', projection: 'backups', body: states.backup }),
  read('/v1/backups/:systemId/:pointId/why', {
    summary: 'Why a backup can be restored, or cannot',
    params: z.strictObject({ systemId: id, pointId: id }),
    answer: shape.why,
    read: async ({ params }, views) => {
      const backup = await views.backup(`${params.systemId}/${params.pointId}`);
      return new Reasons(views.from.feed).backup(backup);
    },
  }),
  list('/v1/operations', operations),
  read('/v1/operations/:operationId', {
    summary: 'What became of a request; `wait` holds the answer until it has ended, or so many seconds',
    params: z.strictObject({ operationId: id }),
    query: asOfQuery.extend({ wait: z.coerce.number().min(0).max(60).default(0) }),
    answer: single(shape.operation),
    read: async ({ params: { operationId }, query, gone }, now) => {
      const views = await now.at(query.asOf);
      // What was is not waited for.
      const sec = query.asOf === undefined ? query.wait : 0;
      return one(views.ended(operationId, { sec, gone }), views);
    },
  }),
  history('/v1/operations/:operationId/history', {
    kind: 'operation',
    projection: 'operations',
    body: states.operation,
  }),
  read('/v1/events', {
    summary: 'The log: by subject, by correlation, from a position on',
    query: eventsQuery,
    answer: shape.listOf(shape.event),
    read: async ({ query: { order, asOf, ...filter } }, now) => {
      const views = await now.at(asOf);
      const until = views.past?.position;
      const items = await views.from.feed.find({ ...filter, until, newest: order === 'newest' });
      return { items, asOf: views.asOf() };
    },
  }),
  read('/v1/events/:eventId/causes', {
    summary: 'All that belongs to the same request, each event under its cause',
    params: z.strictObject({ eventId: z.uuid() }),
    answer: z.object({ tree: z.array(z.looseObject({ event: shape.event })), asOf: shape.asOf }),
    read: async ({ params: { eventId } }, views) => {
      const { feed } = views.from;
      const event = await feed.byId(eventId);
      if (!event) throw new Problem('NOT_FOUND', `no event ${eventId}`, { subject: `event/${eventId}` });
      const correlation = event.correlationId ?? event.id;
      return { tree: causeTree(await feed.find({ correlation, limit: 500 })), asOf: views.asOf() };
    },
  }),
  list('/v1/services', services),
  item('/v1/services/:service', 'service', services),
  list('/v1/parked-events', parked),
  read('/v1/parked-events/:parkedId', {
    summary: 'A stream that stopped: the error, and the raw record at which it stopped',
    params: z.strictObject({ parkedId: z.string().min(1).max(300) }),
    query: asOfQuery,
    answer: single(shape.parked.extend({ raw: shape.rawRecord.nullable() })),
    read: async ({ params, query }, now) => {
      const views = await now.at(query.asOf);
      return one(views.parkedEvent(params.parkedId), views);
    },
  }),
  history('/v1/parked-events/:parkedId/history', {
    kind: 'parked-event',
    projection: 'parked-events',
    body: states.itself,
  }),
  list('/v1/projections', projections),
  item('/v1/projections/:name', 'projection', projections),
  list('/v1/automation', automation),
  item('/v1/automation/:scope', 'scope', automation),
  history('/v1/automation/:scope/history', { kind: 'scope', projection: 'automation', body: states.itself }),
  list('/v1/access-tokens', tokens),
  item('/v1/access-tokens/:tokenId', 'access-token', tokens),
  history('/v1/access-tokens/:tokenId/history', {
    kind: 'access-token',
    projection: 'access-tokens',
    role: 'admin',
    body: states.itself,
  }),
];
