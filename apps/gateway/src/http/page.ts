import { z } from 'zod';
import { canonical } from '@holdfast/kernel';
import { isStorable } from '../feed/storable';
import { sha256 } from '../requests/request-id';
import { Problem } from './problem';

const LIST_LIMIT = 500;

/** The query that every list understands. */
export const listQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(LIST_LIMIT).default(100),
  cursor: z.string().max(1_000).optional(),
  sort: z
    .string()
    .regex(/^-?[A-Za-z][A-Za-z0-9]*$/, 'a field, with - in front for the greatest first')
    .optional(),
  fields: z.string().max(500).optional(),
  filter: z.record(z.string(), z.string()).default({}),
});
type ListQuery = z.infer<typeof listQuery>;

/** `at`: the position that the list was asked as of, to which its cursor is bound too. */
export type PageQuery = ListQuery & { at?: number | undefined };

type Item = Readonly<Record<string, unknown>>;

/** The order of a list, and the key of the item after which its page begins: the last of the page before. */
export function startOf(query: PageQuery, idField: string) {
  const sort = query.sort ?? idField;
  const bound = sha256(canonical({ sort, filter: query.filter, at: query.at })).slice(0, 12);
  const from = query.cursor === undefined ? undefined : readCursor(query.cursor, bound, 2);
  return { ...orderOf(sort), bound, from };
}

export const orderOf = (sort: string) => ({ field: sort.replace(/^-/, ''), descending: sort.startsWith('-') });

/** One page of a list: filtered, sorted, cut. What was read may be no more than the page itself, and one to follow. */
export function pageOf<T extends object>(all: readonly T[], query: PageQuery, idField: keyof T & string) {
  const { field, descending, bound, from } = startOf(query, idField);
  const keyOf = (item: T) => [textOf((item as Item)[field]), textOf(item[idField])] as const;
  const order = (a: readonly string[], b: readonly string[]) => {
    const by = compare(a[0] ?? '', b[0] ?? '');
    return (descending ? -by : by) || compare(a[1] ?? '', b[1] ?? '');
  };

  const fitting = all
    .filter((item) => Object.entries(query.filter).every(([name, wanted]) => plain((item as Item)[name]) === wanted))
    .map((item) => ({ item, key: keyOf(item) }))
    .sort((a, b) => order(a.key, b.key))
    .filter(({ key }) => from === undefined || order(key, from) > 0);

  const page = fitting.slice(0, query.limit);
  const last = page.at(-1);
  return {
    items: page.map(({ item }) => pick(item, query.fields)),
    ...(last && fitting.length > page.length && { cursor: writeCursor(bound, last.key) }),
  };
}

/** As a filter is written; `paging.ts` says the same in SQL. */
const plain = (value: unknown): string => (typeof value === 'string' ? value : canonical(value));
/** So that text order is the order of the numbers too, of fractions as well; none of ours is below zero. */
const textOf = (value: unknown): string =>
  typeof value === 'number' ? value.toFixed(6).padStart(28, '0') : plain(value);
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function pick<T extends object>(item: T, fields: string | undefined): Partial<T> {
  if (!fields) return item;
  const wanted = new Set(fields.split(','));
  return Object.fromEntries(Object.entries(item).filter(([name]) => wanted.has(name))) as Partial<T>;
}

export function writeCursor(bound: string, key: readonly string[]): string {
  return Buffer.from(JSON.stringify([bound, ...key])).toString('base64url');
}

export function readCursor(cursor: string, bound: string, parts: number): readonly string[] {
  const [of, ...key] = parseCursor(cursor);
  if (of !== bound || key.length !== parts)
    throw new Problem('CURSOR_INVALID', 'the cursor is of another list, filter, order or time');
  return key;
}

function parseCursor(cursor: string): string[] {
  try {
    return z.array(z.string().refine(isStorable)).parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch (error) {
    throw new Problem('CURSOR_INVALID', 'the cursor cannot be read', { cause: error });
  }
}
