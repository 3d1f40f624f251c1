import type { Role } from '@holdfast/contracts';
import { z } from 'zod';
import { listQuery, pageOf, type ListQuery } from '../http/page';
import { Problem } from '../http/problem';
import type { ParkedRow } from '../projections/parked-events.projection';
import type { TaskRow } from '../projections/tasks.projection';
import type { TokenRow } from '../projections/tokens.projection';
import type { AutomationRow } from '../projections/clusters.projection';
import { notFound } from '../requests/membership';
import { causeTree } from '../why/causes';
import { Reasons } from '../why/reasons';
import type { Views } from '../views/views';
import { projectionsOf, servicesOf, type ProjectionView } from '../views/service.view';
import { read, type ReadRoute } from './route';
import * as shape from './shapes';

const id = z.string().min(1).max(200);

interface List<T extends object> {
  summary: string;
  item: z.ZodObject;
  /** The field that tells items apart. */
  by: keyof T & string;
  sort?: string;
  role?: Role;
  all(views: Views, query: ListQuery): Promise<readonly T[]>;
}

/** The values of a field that has but a few: any other is a slip of the pen, not an empty list. */
const optionsOf = (field: unknown): readonly string[] | undefined =>
  field instanceof z.ZodEnum ? field.options.map(String) : undefined;

/** A list of everything of a kind, with the age of the picture that it was taken from. */
function list<T extends object>(path: `/v1/${string}`, { item, by, sort, all, ...told }: List<T>): ReadRoute {
  const filters = Object.keys(item.shape);
  const filter = z
    .partialRecord(z.enum(filters), z.string())
    .superRefine((wanted, found) => {
      for (const [field, value] of Object.entries(wanted)) {
        const allowed = optionsOf(item.shape[field]);
        if (allowed && value !== undefined && !allowed.includes(value))
          found.addIssue({ code: 'custom', path: [field], message: `one of ${allowed.join(', ')}` });
      }
    })
    .default({});
  return read(path, {
    ...told,
    filters,
    query: listQuery.extend({ filter }),
    answer: shape.listOf(item),
    read: async ({ query }, views) => {
      const asked = { ...query, sort: query.sort ?? sort } as ListQuery;
      const asOf = views.asOf();
      const { items, ...more } = pageOf(await all(views, asked), asked, by);
      return { items, asOf, ...more };
    },
  });
}

/** One of a list. */
function item<T extends object>(path: `/v1/${string}`, kind: string, of: List<T>): ReadRoute {
  return read(path, {
    summary: of.summary,
    ...(of.role && { role: of.role }),
    params: z.strictObject({ [path.split(':')[1]!]: id }),
    answer: single(of.item),
    read: async ({ params }, views) => {
      const wanted = Object.values(params)[0] as string;
      const all = await of.all(views, listQuery.parse({}));
      const found = all.find((candidate) => candidate[of.by] === wanted);
      const known = all.map((candidate) => String(candidate[of.by]));
      return { ...(found ?? notFound(kind, wanted, known)), asOf: views.asOf() };
    },
  });
}

async function one<T extends object>(item: Promise<T>, views: Views): Promise<object> {
  return { ...(await item), asOf: views.asOf() };
}

const single = (item: z.ZodObject) => item.extend({ asOf: shape.asOf });

async function task(taskId: string, views: Views): Promise<TaskRow> {
  const all = await views.rows<TaskRow>('tasks');
  return (
    all.find((row) => row.taskId === taskId) ??
    notFound(
      'task',
      taskId,
      all.map((row) => row.taskId),
    )
  );
}

/** `serve` tasks are the systems' own: they are shown when asked for. */
async function tasks(views: Views, { filter }: ListQuery): Promise<TaskRow[]> {
  const all = await views.rows<TaskRow>('tasks');
  return filter.kind === undefined ? all.filter(({ kind }) => kind !== 'serve') : all;
}

const services: List<ReturnType<typeof servicesOf>[number]> = {
  summary: 'What runs, as each part said of itself last',
  item: shape.service,
  by: 'service',
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
  all: projectionsOf,
};
const automation: List<AutomationRow> = {
  summary: 'Where automatic actions are halted',
  item: shape.automation,
  by: 'scope',
  all: (views) => views.rows<AutomationRow>('automation'),
};
const tokens: List<TokenRow> = {
  summary: 'Access tokens; never their secrets',
  item: shape.token,
  by: 'tokenId',
  role: 'admin',
  all: (views) => views.rows<TokenRow>('access-tokens'),
};

const eventsQuery = z.strictObject({
  subject: z.string().max(250).optional(),
  correlation: z.uuid().optional(),
  type: z.string().max(100).optional(),
  since: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  order: z.enum(['oldest', 'newest']).default('oldest'),
});

export const readRoutes: readonly ReadRoute[] = [
  list('/v1/clusters', {
    summary: 'The clusters of the fleet',
    item: shape.cluster,
    by: 'clusterId',
    all: (views) => views.clusters(),
  }),
  read('/v1/clusters/:clusterId', {
    summary: 'A cluster: what is seen of it, and what holds it',
    params: z.strictObject({ clusterId: id }),
    answer: single(shape.cluster),
    read: ({ params }, views) => one(views.cluster(params.clusterId), views),
  }),
  read('/v1/clusters/:clusterId/why', {
    summary: 'Why a cluster is held, or is not',
    params: z.strictObject({ clusterId: id }),
    answer: shape.why,
    read: async ({ params }, views) => {
      const { clusterId } = await views.cluster(params.clusterId);
      return new Reasons(views.from.feed).cluster(clusterId);
    },
  }),
  list('/v1/nodes', {
    summary: 'The nodes of all clusters',
    item: shape.node,
    by: 'nodeId',
    all: (views) => views.nodes(),
  }),
  read('/v1/nodes/:nodeId', {
    summary: 'A node: its status as decided, and its last heartbeat',
    params: z.strictObject({ nodeId: id }),
    answer: single(shape.node),
    read: ({ params }, views) => one(views.node(params.nodeId), views),
  }),
  read('/v1/nodes/:nodeId/why', {
    summary: 'Why a node has its status: the rule and the evidence',
    params: z.strictObject({ nodeId: id }),
    answer: shape.why,
    read: async ({ params }, views) => {
      const { nodeId, clusterId } = await views.node(params.nodeId);
      return new Reasons(views.from.feed).node(nodeId, clusterId);
    },
  }),
  list('/v1/systems', {
    summary: 'The systems, who serves them, and since when',
    item: shape.system,
    by: 'systemId',
    all: (views) => views.systems(),
  }),
  read('/v1/systems/:systemId', {
    summary: 'A system',
    params: z.strictObject({ systemId: id }),
    answer: single(shape.system),
    read: ({ params }, views) => one(views.system(params.systemId), views),
  }),
  read('/v1/systems/:systemId/why', {
    summary: 'Why a system is served where it is',
    params: z.strictObject({ systemId: id }),
    answer: shape.why,
    read: async ({ params }, views) => {
      const { systemId } = await views.system(params.systemId);
      return new Reasons(views.from.feed).system(systemId, await views.standing(systemId));
    },
  }),
  list('/v1/tasks', {
    summary: 'The tasks; those of kind serve only when asked for',
    item: shape.task,
    by: 'taskId',
    all: (views, query) => tasks(views, query),
  }),
  read('/v1/tasks/:taskId', {
    summary: 'A task',
    params: z.strictObject({ taskId: id }),
    answer: single(shape.task),
    read: ({ params }, views) => one(task(params.taskId, views), views),
  }),
  read('/v1/tasks/:taskId/why', {
    summary: 'Why a task is where it is',
    params: z.strictObject({ taskId: id }),
    answer: shape.why,
    read: async ({ params }, views) => {
      const { taskId } = await task(params.taskId, views);
      return new Reasons(views.from.feed).task(taskId);
    },
  }),
  list('/v1/operations', {
    summary: 'What was asked for, the newest first',
    item: shape.operation,
    by: 'id',
    sort: '-startedAt',
    all: (views) => views.operations(),
  }),
  read('/v1/operations/:operationId', {
    summary: 'What became of a request; `wait` holds the answer until it has ended, or so many seconds',
    params: z.strictObject({ operationId: id }),
    query: z.strictObject({ wait: z.coerce.number().min(0).max(60).default(0) }),
    answer: single(shape.operation),
    read: ({ params, query, gone }, views) => one(views.ended(params.operationId, { sec: query.wait, gone }), views),
  }),
  read('/v1/events', {
    summary: 'The log: by subject, by correlation, from a position on',
    query: eventsQuery,
    answer: shape.listOf(shape.event),
    read: async ({ query: { order, ...filter } }, views) => {
      const items = await views.from.feed.find({ ...filter, newest: order === 'newest' });
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
    answer: single(shape.parked.extend({ raw: shape.rawRecord.nullable() })),
    read: ({ params }, views) => one(views.parkedEvent(params.parkedId), views),
  }),
  list('/v1/projections', projections),
  item('/v1/projections/:name', 'projection', projections),
  list('/v1/automation', automation),
  item('/v1/automation/:scope', 'scope', automation),
  list('/v1/access-tokens', tokens),
  item('/v1/access-tokens/:tokenId', 'access-token', tokens),
];
