import { parseCall } from '../http/parse';
import { problemBody, type Problem } from '../http/problem';
import { FeedSuite } from '../testing/feed-suite';
import { confirmed, assigned, down, joined, moved, recovered, registered, systemRegistered } from '../testing/fleet';
import type { Views } from '../views/views';
import { routes } from './index';
import type { ReadRoute } from './route';

const suite = new FeedSuite();
const life = [
  registered,
  joined('n1'),
  recovered('n1'),
  joined('n2'),
  recovered('n2'),
  systemRegistered,
  assigned('n1', 1),
  confirmed('n1', 1),
  down('n1'),
  moved('n1', 'n2', 2),
  confirmed('n2', 2),
];
/** Once n1 serves, and before it is down. */
const SERVED = 8;

let views: Views;

beforeAll(async () => {
  views = await suite.showing(life);
});
afterAll(() => suite.stop());

interface Answer {
  items: Record<string, unknown>[];
  asOf: { position: number; at: string; ageMs: number };
  cursor?: string;
  serving: { state: string };
}

/** The answer to a GET, as the API would send it. */
async function get(path: string): Promise<Answer> {
  const { pathname, searchParams } = new URL(path, 'http://gateway');
  const parts = pathname.split('/');
  const fits = (route: string) =>
    route.split('/').length === parts.length &&
    route.split('/').every((part, nth) => part.startsWith(':') || part === parts[nth]);
  const route = routes.find((one) => one.method === 'get' && fits(one.path)) as ReadRoute;
  const names = route.path
    .split('/')
    .flatMap((part, nth) => (part.startsWith(':') ? [[part.slice(1), parts[nth]]] : []));
  const call = parseCall(route, { params: Object.fromEntries(names) as object, search: searchParams, body: '' });
  const gone = new AbortController().signal;
  const answer = await route.read({ ...call, actor: {} as never, gone } as never, views);
  return JSON.parse(JSON.stringify(route.answer.parse(answer))) as Answer;
}

/** What it is refused with. */
const refusal = async (path: string) =>
  get(path).then(
    () => undefined,
    (problem: Problem) => problemBody(problem, { traceId: 'x' }) as unknown as Record<string, unknown>,
  );

describe('as of', () => {
  it('a position, lists and single resources show the picture of then', async () => {
    expect((await get('/v1/systems/s1')).serving.state).toBe('served');
    const then = await get(`/v1/systems?asOf=${SERVED}`);
    expect(then.items).toMatchObject([{ systemId: 's1', nodeId: 'n1', epoch: 1, serving: { state: 'served' } }]);
    expect(await get(`/v1/systems/s1?asOf=${SERVED}`)).toMatchObject({ nodeId: 'n1', epoch: 1 });
    // Between the verdict and the move nobody serves it.
    expect((await get(`/v1/systems/s1?asOf=${SERVED + 1}`)).serving.state).toBe('unserved');
    expect((await get('/v1/nodes?asOf=2')).items).toMatchObject([{ nodeId: 'n1', status: 'joining' }]);
    expect(await get('/v1/clusters/alpha?asOf=2')).toMatchObject({ nodesByStatus: { joining: 1 } });
    expect((await get(`/v1/events?asOf=3&order=newest&limit=2`)).items).toMatchObject([
      { position: 2 },
      { position: 3 },
    ]);
  });

  it('tells its own position, and when that was known', async () => {
    const [event] = await suite.feed.after(SERVED - 1, 1);
    const { asOf } = await get(`/v1/nodes?asOf=${SERVED}`);
    expect(asOf).toMatchObject({ position: SERVED, at: event!.knownAt });
    expect(asOf.ageMs).toBeGreaterThan(0);
  });

  it('an instant is the last position known at that time', async () => {
    const [third] = await suite.feed.after(2, 1);
    const { asOf } = await get(`/v1/nodes?asOf=${third!.knownAt}`);
    const known = (await suite.feed.after(0)).filter(({ knownAt }) => knownAt <= third!.knownAt);
    expect(asOf.position).toBe(known.length);
    expect((await get(`/v1/nodes?asOf=${new Date().toISOString()}`)).asOf.position).toBe(life.length);
  });

  it('samples and rates are unknown', async () => {
    const [node] = (await get(`/v1/nodes?asOf=${SERVED}`)).items;
    const unknown = { lastHeartbeatAt: null, silentMs: null, suspicion: null, load: null, watchdogAlive: null };
    expect(node).toMatchObject(unknown);
  });

  it('what is out of range is refused with the range that there is', async () => {
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    for (const asOf of ['0', '12', '2020-01-01T00:00:00Z', tomorrow, '999999999999999'])
      expect(await refusal(`/v1/systems?asOf=${asOf}`)).toMatchObject({
        code: 'AS_OF_OUT_OF_RANGE',
        status: 422,
        range: { from: { position: 1 }, to: { position: life.length } },
      });
    expect((await refusal('/v1/systems?asOf=yesterday'))?.['code']).toBe('INVALID_REQUEST');
  });

  it('what is kept nowhere says so', async () => {
    for (const path of ['/v1/services?asOf=3', '/v1/projections?asOf=3', '/v1/projections/nodes?asOf=3'])
      expect(await refusal(path)).toMatchObject({ code: 'NO_HISTORY', status: 422 });
  });

  it('one that was not there yet is not found', async () => {
    expect(await refusal('/v1/nodes/n2?asOf=2')).toMatchObject({ code: 'NOT_FOUND', nearest: 'n1' });
  });

  it('a cursor goes on in the same picture, and in no other', async () => {
    const first = await get('/v1/nodes?asOf=5&limit=1');
    expect(first.items).toMatchObject([{ nodeId: 'n1' }]);
    expect((await get(`/v1/nodes?asOf=5&limit=1&cursor=${first.cursor}`)).items).toMatchObject([{ nodeId: 'n2' }]);
    for (const other of ['', '&asOf=6'])
      expect((await refusal(`/v1/nodes?limit=1&cursor=${first.cursor}${other}`))?.['code']).toBe('CURSOR_INVALID');
  });
});

describe('the history of a thing', () => {
  it('is its states, the newest last, each beginning where the one before ends', async () => {
    const { items } = await get('/v1/nodes/n1/history');
    const statuses = items.map(({ body }) => (body as { status: string }).status);
    expect(statuses.filter((status, nth) => status !== statuses[nth - 1])).toEqual(['joining', 'healthy', 'down']);
    expect(items.map(({ toPosition }) => toPosition)).toEqual([
      ...items.slice(1).map(({ fromPosition }) => fromPosition),
      null,
    ]);
    const events = await suite.feed.after(0);
    expect(items.map(({ at }) => at)).toEqual(
      items.map(({ fromPosition }) => events[Number(fromPosition) - 1]!.knownAt),
    );
  });

  it('comes in pages', async () => {
    const first = await get('/v1/systems/s1/history?limit=2');
    const second = await get(`/v1/systems/s1/history?limit=500&cursor=${first.cursor}`);
    expect(second.cursor).toBeUndefined();
    const whole = await get('/v1/systems/s1/history');
    expect([...first.items, ...second.items]).toEqual(whole.items);
    expect((await refusal(`/v1/nodes/n1/history?cursor=${first.cursor}`))?.['code']).toBe('CURSOR_INVALID');
  });

  it('of what was never heard of is not found', async () => {
    expect(await refusal('/v1/systems/s2/history')).toMatchObject({ code: 'NOT_FOUND', nearest: 's1' });
  });

  it('is there for every projection', () => {
    const paths = routes.map(({ path }) => path);
    const lists = routes.filter((route) => 'filters' in route && !/services|projections/.test(route.path));
    for (const { path } of lists)
      expect(paths.filter((one) => one.startsWith(`${path}/:`) && one.endsWith('/history'))).toHaveLength(1);
  });
});
