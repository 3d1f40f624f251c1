import { StoreUnavailable, StreamConflict } from '@holdfast/event-store';
import * as fc from 'fast-check';
import { parseBody } from './body';
import { nearest } from './nearest';
import { listQuery, pageOf } from './page';
import type { Route } from '../routes/route';
import { z } from 'zod';
import { schemaRemedy } from './open-pages';
import { parseCall } from './parse';
import { unreadable } from './read-body';
import { Problem, problemBody, problemOf, problems } from './problem';

const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as Problem).code;
  }
};

describe('a body', () => {
  it('is refused when a key could reach a prototype, at any depth', () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      expect(codeOf(() => parseBody(`{"a":[{"${key}":{"x":1}}]}`))).toBe('INVALID_REQUEST');
    }
  });

  it('may be 32 levels deep and no deeper', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect(codeOf(() => parseBody(nested(32)))).toBeUndefined();
    expect(codeOf(() => parseBody(nested(33)))).toBe('TOO_LARGE');
  });

  it('is refused when a string or a key, at any depth, is no text that the store can hold', () => {
    for (const body of ['{"a":[{"name":"a\\u0000b"}]}', '{"a":"\\ud800"}', '{"a":"x\\udc00y"}', '{"a":{"k\\u0000":1}}'])
      expect(codeOf(() => parseBody(body))).toBe('INVALID_REQUEST');
    expect(codeOf(() => parseBody('{"a":"\\ud83d\\ude00 \\\\u0000"}'))).toBeUndefined();
  });

  it('names the place of what is no text', () => {
    expect(() => parseBody('{"a":[{"name":"a\\u0000b"}]}')).toThrow('/a/0/name: holds U+0000');
  });

  it('is refused when it is no JSON, and empty when it is absent', () => {
    expect(codeOf(() => parseBody('{"a":'))).toBe('INVALID_REQUEST');
    expect(parseBody('')).toEqual({});
  });
});

it('a path or a query that holds U+0000 is refused before any store hears of it', () => {
  const route = { method: 'get', params: z.object({ id: z.string() }), query: z.looseObject({}) } as unknown as Route;
  const call = (id: string, search: string) =>
    codeOf(() => parseCall(route, { params: { id }, search: new URLSearchParams(search), body: '' }));
  expect(call('a\0', '')).toBe('INVALID_REQUEST');
  expect(call('a', 'type=%00')).toBe('INVALID_REQUEST');
  expect(call('a', 'type=b')).toBeUndefined();
});

it('a body in another charset, or encoded, is not taken for JSON', () => {
  const of = (type?: string, encoding?: string) =>
    unreadable({ ...(type && { 'content-type': type }), ...(encoding && { 'content-encoding': encoding }) });
  for (const type of ['application/json', 'application/json; charset=UTF-8', 'application/json;charset="utf-8"'])
    expect(of(type)).toBeUndefined();
  expect(of('application/json', 'identity')).toBeUndefined();
  expect(of()).toBe('the body has no content type');
  expect(of('text/plain')).toContain('is not JSON');
  expect(of('application/json; charset=utf-16')).toContain('utf-16');
  expect(of('application/json', 'gzip')).toContain('gzip');
});

it('a schema asked for at a wrong version is answered with the versions there are', () => {
  expect(schemaRemedy('NodeJoined')).toBe('NodeJoined is known at version 1: /schemas/NodeJoined/1.json');
  expect(schemaRemedy('NodeJoind')).toContain('NodeJoined');
});

describe('a problem', () => {
  it('of the store, to whoever only reads, speaks of PostgreSQL and of no key', () => {
    for (const error of [new StoreUnavailable('away'), Object.assign(new Error('x'), { code: 'ECONNREFUSED' })]) {
      expect(problemOf(error, 'to read').remedy).toMatch(/^check PostgreSQL.*lab start postgres/);
      expect(problemOf(error, 'to act').remedy).toContain('Idempotency-Key');
    }
    expect(problemOf(new Error('x'), 'to read').remedy).not.toContain('Idempotency-Key');
  });

  it('has a remedy, whatever its kind', () => {
    for (const { remedy, status } of Object.values(problems)) {
      expect(remedy.length).toBeGreaterThan(10);
      expect(status).toBeGreaterThanOrEqual(400);
    }
  });

  it('of the store says when to come back', () => {
    expect(problemOf(new StoreUnavailable('away'))).toMatchObject({
      status: 503,
      code: 'STORE_UNAVAILABLE',
      retryAfterSec: 2,
    });
    expect(problemOf(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))).toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(problemOf(new StreamConflict({ stream: 's-1', expected: 1, actual: 2 }))).toMatchObject({ status: 409 });
  });

  it('that nobody foresaw tells nothing of the inside', () => {
    const body = problemBody(problemOf(new Error('password=hunter2')), { traceId: 'ab' });
    expect(body).toMatchObject({ status: 500, code: 'INTERNAL', traceId: 'ab' });
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });
});

it('finds the id that was meant, and none when nothing is near', () => {
  expect(nearest('alpa-1', ['alpha-1', 'beta-1'])).toBe('alpha-1');
  expect(nearest('zzzzzz', ['alpha-1', 'beta-1'])).toBeUndefined();
});

describe('a list', () => {
  const query = (more: object = {}) => listQuery.parse(more);

  it('gives every item exactly once over its pages, in any order', () => {
    const item = fc.record({ id: fc.uuid(), weight: fc.integer({ min: 0, max: 3 }) });
    const unique = fc.uniqueArray(item, { selector: ({ id }) => id, maxLength: 40 });
    fc.assert(
      fc.property(
        unique,
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom('weight', '-weight', 'id'),
        (all, limit, sort) => {
          const seen: string[] = [];
          let cursor: string | undefined;
          do {
            const page = pageOf(all, query({ limit, sort, cursor }), 'id');
            seen.push(...page.items.map(({ id }) => id!));
            cursor = page.cursor;
          } while (cursor);
          expect(seen.toSorted()).toEqual(all.map(({ id }) => id).toSorted());
        },
      ),
    );
  });

  it('refuses the cursor of another filter', () => {
    const all = [{ id: 'a' }, { id: 'b' }];
    const { cursor } = pageOf(all, query({ limit: 1 }), 'id');
    expect(codeOf(() => pageOf(all, query({ limit: 1, cursor, filter: { id: 'a' } }), 'id'))).toBe('CURSOR_INVALID');
    expect(codeOf(() => pageOf(all, query({ cursor: 'nonsense' }), 'id'))).toBe('CURSOR_INVALID');
  });

  it('sorts numbers by their value: a fraction, a great one and nothing after the point alike', () => {
    const all = [10, 0.25, 1.5, 9, 4_294_967_296, 0].map((n) => ({ id: `of ${n}`, n }));
    const { items } = pageOf(all, query({ sort: 'n' }), 'id');
    expect(items.map(({ n }) => n)).toEqual([0, 0.25, 1.5, 9, 10, 4_294_967_296]);
  });

  it('filters by value, sorts both ways, and shows the fields that were asked for', () => {
    const all = [
      { id: 'a', n: 2 },
      { id: 'b', n: 10 },
      { id: 'c', n: 2 },
    ];
    expect(pageOf(all, query({ filter: { n: '2' } }), 'id').items).toHaveLength(2);
    expect(pageOf(all, query({ sort: '-n', fields: 'id' }), 'id').items).toEqual([
      { id: 'b' },
      { id: 'a' },
      { id: 'c' },
    ]);
  });
});
