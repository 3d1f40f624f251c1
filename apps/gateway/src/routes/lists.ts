import type { Role } from '@holdfast/contracts';
import { z } from 'zod';
import { canonical } from '@holdfast/kernel';
import { listQuery, pageOf, readCursor, writeCursor, type PageQuery } from '../http/page';
import { Problem } from '../http/problem';
import { notFound } from '../requests/membership';
import { sha256 } from '../requests/request-id';
import type { Views } from '../views/views';
import { read, type ReadRoute } from './route';
import * as shape from './shapes';

export const id = z.string().min(1).max(200);

/** A position, or an instant: then the last position known at that time. */
export const asOf = z.union([
  z.string().regex(/^\d{1,15}$/, 'a position, such as 5181'),
  z.iso.datetime({ offset: true, error: 'or an instant, such as 2026-03-01T10:42:00Z' }),
]);
export const asOfQuery = z.strictObject({ asOf: asOf.optional() });

/** Everything of one kind: where it is listed, one of it, and what it was. */
export interface List<T extends object> {
  summary: string;
  summaryOfOne?: string;
  item: z.ZodObject;
  /** The field that tells items apart. */
  by: keyof T & string;
  sort?: string;
  role?: Role;
  /** It is heard and kept nowhere: it can be asked for as it is now alone. */
  ephemeral?: true;
  /** Everything; of a list that only grows at least those of the page. */
  all(views: Views, query: PageQuery): Promise<readonly T[]>;
  /** One of them, where it can be read without reading all. */
  one?(views: Views, id: string): Promise<T>;
}

/** The values of a field that has but a few: any other is a slip of the pen, not an empty list. */
const optionsOf = (field: unknown): readonly string[] | undefined =>
  field instanceof z.ZodEnum ? field.options.map(String) : undefined;

/** A list of everything of a kind, with the age of the picture that it was taken from. */
export function list<T extends object>(path: `/v1/${string}`, of: List<T>): ReadRoute {
  const { item, by, sort, all, summary, role } = of;
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
    summary,
    ...(role && { role }),
    filters,
    query: listQuery.extend({ filter, asOf: asOf.optional() }),
    answer: shape.listOf(item),
    read: async ({ query }, now) => {
      const views = await seenAt(query.asOf, now, of);
      const asked = { ...query, sort: query.sort ?? sort, at: views.past?.position } as PageQuery;
      const told = views.asOf();
      const { items, ...more } = pageOf(await all(views, asked), asked, by);
      return { items, asOf: told, ...more };
    },
  });
}

/** One of a list. */
export function item<T extends object>(path: `/v1/${string}`, kind: string, of: List<T>): ReadRoute {
  return read(path, {
    summary: of.summaryOfOne ?? of.summary,
    ...(of.role && { role: of.role }),
    params: paramsOf(path),
    query: asOfQuery,
    answer: single(of.item),
    read: async ({ params, query }, now) => {
      const views = await seenAt(query.asOf, now, of);
      const wanted = keyOf(params);
      return one(
        of.one ? of.one(views, wanted) : among(await of.all(views, listQuery.parse({})), { kind, of, wanted }),
        views,
      );
    },
  });
}

/** All that one thing ever was, by itself: what others made of it is in theirs. */
export function history<Row>(
  path: `/v1/${string}/history`,
  { kind, projection, role, body }: { kind: string; projection: string; role?: Role; body(row: Row): object | null },
): ReadRoute {
  return read(path, {
    summary: `What a ${kind} was, state by state, the newest last`,
    ...(role && { role }),
    params: paramsOf(path),
    query: z.strictObject({
      limit: listQuery.shape.limit,
      cursor: listQuery.shape.cursor,
    }),
    answer: shape.listOf(shape.state),
    read: async ({ params, query: { limit, cursor } }, views) => {
      const key = keyOf(params);
      const bound = sha256(canonical({ history: projection, key })).slice(0, 12);
      const after = cursor === undefined ? 0 : Number(readCursor(cursor, bound, 1)[0]);
      const told = views.asOf();
      const states = await views.history<Row>(projection, key, { after, limit: limit + 1 });
      if (states.length === 0 && after === 0) notFound(kind, key, await views.keys(projection));
      const items = states.slice(0, limit).map((state) => ({ ...state, body: state.body && body(state.body) }));
      const next = states.length > limit && writeCursor(bound, [String(items.at(-1)!.fromPosition)]);
      return { items, asOf: told, ...(next && { cursor: next }) };
    },
  });
}

/** What is asked for, and when it was seen so. */
export async function one<T extends object>(item: Promise<T> | T, views: Views): Promise<object> {
  return { ...(await item), asOf: views.asOf() };
}

export const single = (item: z.ZodObject) => item.extend({ asOf: shape.asOf });

/** `systems/:systemId`; `backups/:systemId/:pointId` is one key of two parts. */
const paramsOf = (path: string) =>
  z.strictObject(Object.fromEntries([...path.matchAll(/:(\w+)/g)].map(([, name]) => [name, id])));
const keyOf = (params: object): string => Object.values(params).join('/');

async function seenAt(asked: string | undefined, now: Views, of: { ephemeral?: true }): Promise<Views> {
  if (asked !== undefined && of.ephemeral) throw new Problem('NO_HISTORY', 'what it was before is kept nowhere');
  return now.at(asked);
}

function among<T extends object>(
  all: readonly T[],
  { kind, of, wanted }: { kind: string; of: List<T>; wanted: string },
): T {
  const known = all.map((candidate) => String(candidate[of.by]));
  return all.find((candidate) => candidate[of.by] === wanted) ?? notFound(kind, wanted, known);
}
