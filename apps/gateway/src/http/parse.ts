import type { z } from 'zod';
import { actQuery, type Route } from '../routes/route';
import { check, parseBody } from './body';
import { Problem } from './problem';

/** Every part of a request against its schema; all faults are named, by JSON pointer. */
export function parseCall(
  route: Route,
  raw: { params: object; search: URLSearchParams; body: string },
): { params: unknown; query: unknown; body: unknown } {
  const params = checked(route.params, raw.params, 'path');
  if (route.method === 'post') {
    const query = checked(actQuery, Object.fromEntries(raw.search), 'query');
    return { params, query, body: checked(route.body, parseBody(raw.body), 'body') };
  }
  const filters = 'filters' in route ? route.filters : undefined;
  return { params, query: checked(route.query, queryOf(raw.search, filters), 'query'), body: {} };
}

function checked(schema: z.ZodObject, value: unknown, part: string): unknown {
  if (part !== 'body') check(value);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.map((issue) => ({
    pointer: `/${[...issue.path, ...('keys' in issue ? issue.keys.slice(0, 1) : [])].join('/')}`,
    message: issue.message,
  }));
  const told = errors.map(({ pointer, message }) => `${pointer}: ${message}`).join('; ');
  throw new Problem('INVALID_REQUEST', `the ${part} is not as expected: ${told}`, { more: { errors } });
}

/** `filter[status]=down` and, in a list, `status=down` are the same. */
function queryOf(search: URLSearchParams, filters: readonly string[] | undefined): object {
  const query: Record<string, string> = {};
  const filter: Record<string, string> = {};
  for (const [name, value] of search) {
    const inner = /^filter\[(\w+)\]$/.exec(name)?.[1] ?? (filters?.includes(name) ? name : undefined);
    if (filters && inner !== undefined) filter[inner] = value;
    else query[name] = value;
  }
  return filters ? { ...query, filter } : query;
}
