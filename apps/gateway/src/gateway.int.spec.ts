import { EventStore, setUpStore } from '@holdfast/event-store';
import { ensureTopics, KafkaLink, Relay } from '@holdfast/messaging';
import { readConfig } from '@holdfast/observability';
import { freshDatabase, startKafka, temporaryPostgres, type RunningKafka } from '@holdfast/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { config } from './config';
import { startGateway, type RunningGateway } from './gateway';
import { problems } from './http/problem';
import { routes } from './routes';
import { AT } from './testing/told';

const ADMIN = 'first-admin-secret-of-this-spec';
let postgres: Awaited<ReturnType<typeof temporaryPostgres>>;
let kafka: RunningKafka;
let folder: string;
let url: string;
let gateway: RunningGateway;
let balancer: { store: EventStore; relay: Relay; link: KafkaLink };

interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, never> & {
    operation: { id: string; state: string };
    code: string;
    items: Record<string, unknown>[];
  };
}

async function call(
  method: string,
  path: string,
  o: { body?: unknown; token?: string; headers?: object } = {},
): Promise<Answer> {
  const response = await fetch(gateway.url + path, {
    method,
    headers: {
      authorization: `Bearer ${o.token ?? ADMIN}`,
      ...(o.body !== undefined && { 'content-type': 'application/json' }),
      ...o.headers,
    },
    ...(o.body !== undefined && { body: typeof o.body === 'string' ? o.body : JSON.stringify(o.body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : {} };
}
const get = (path: string, token?: string) => call('GET', path, token ? { token } : {});
const post = (path: string, body: unknown, headers: object = {}) => call('POST', path, { body, headers });

/** Asks until it holds: rows follow their events by some milliseconds. */
async function until<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    await gateway.projector.moved(500);
  }
}

/** Until the store was compared with what it once published: only then is anything new appended. */
const appending = () => until(async () => gateway.store.appendGate.open, Boolean);

/** As the load-balancer would: on its own streams, sent by its own relay. */
async function answerAsBalancer(
  stream: string,
  partitionKey: string,
  events: { type: string; data: object }[],
  correlationId?: string,
) {
  await balancer.store.inTransaction(async (tx) => tx.append({ stream, partitionKey, expected: null, events }), {
    context: correlationId ? { correlationId, causationId: correlationId } : {},
  });
}

const settings = () =>
  readConfig(config, {
    HOLDFAST_DATABASE_URL: url,
    HOLDFAST_KAFKA_BROKERS: kafka.brokers,
    HOLDFAST_GATEWAY_PORT: '0',
    HOLDFAST_GATEWAY_ADMIN_TOKEN: ADMIN,
    HOLDFAST_REQUEST_UNANSWERED_SEC: '1',
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-gateway-'));
  [postgres, kafka] = await Promise.all([temporaryPostgres(), startKafka({ dir: join(folder, 'kafka') })]);
  url = await freshDatabase(postgres, setUpStore);
  await ensureTopics([kafka.brokers], { partitions: 4 });
  const store = await EventStore.connect({ url, service: 'load-balancer' });
  const link = new KafkaLink({ brokers: [kafka.brokers], clientId: 'load-balancer' });
  balancer = { store, link, relay: new Relay({ store, kafka: link }) };
  balancer.relay.start();
  gateway = await startGateway(settings());
  await until(
    () => get('/v1/access-tokens'),
    ({ status, body }) => status === 200 && body.items.length === 1,
  );
  await post('/v1/clusters', { clusterId: 'alpha', name: 'Alpha', addressRanges: ['127.9.1.0/24'] });
}, 60_000);

afterAll(async () => {
  await gateway?.stop();
  await balancer?.relay.stop();
  await balancer?.link.stop();
  await balancer?.store.close();
  await kafka?.stop();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

const node = (nodeId: string, address: number) => ({
  clusterId: 'alpha',
  nodeId,
  zone: 'z1',
  dataAddress: `127.9.0.${address}`,
  engineVersion: '7.2',
  capacity: { bytesPerSec: 1e8 },
});
const system = (systemId: string) => ({
  systemId,
  clusterId: 'alpha',
  volumes: [{ volumeId: 'v1', sizeBytes: 1_048_576 }],
});

/** What the load-balancer and an agent tell of a system that they bring up. */
async function serve(systemId: string, requestId: string): Promise<void> {
  const at = AT;
  const ofTask = { clusterId: 'alpha', taskId: `serve-${systemId}`, kind: 'serve', subject: `system/${systemId}`, at };
  const { volumes } = system(systemId);
  const address = '127.9.1.1';
  await answerAsBalancer(
    `system-${systemId}`,
    systemId,
    [{ type: 'SystemRegistered', data: { systemId, clusterId: 'alpha', address, volumes, requestId, at } }],
    requestId,
  );
  const spec = { systemId, address, volumes, create: true };
  const order = { ...ofTask, nodeId: 'n1', nodeIncarnation: null, epoch: 1, spec, placement: null, cause: 'admitted' };
  const events = [
    { type: 'TaskAssigned', data: order },
    { type: 'TaskStartConfirmed', data: { ...ofTask, nodeId: 'n1', epoch: 1, tookMs: 50, created: true } },
  ];
  await until(
    () => get(`/v1/operations/${requestId}`),
    ({ body }) => (body as unknown as { state: string }).state === 'running',
  );
  await answerAsBalancer('routing-table-alpha', 'alpha', events, requestId);
}

it('follows a request from its POST through the log to its end', async () => {
  const accepted = await post('/v1/systems', system('s1'));
  expect(accepted.status).toBe(202);
  const { operation } = accepted.body;
  expect(accepted.headers.get('location')).toBe(`/v1/operations/${operation.id}`);
  expect(operation.state).toBe('queued');
  expect((await get(`/v1/operations/${operation.id}`)).body).toMatchObject({ id: operation.id, subject: 'system/s1' });

  const ended = get(`/v1/operations/${operation.id}?wait=30`);
  await serve('s1', operation.id);
  expect((await ended).body).toMatchObject({ state: 'succeeded' });
  expect((await get('/v1/systems/s1')).body).toMatchObject({ nodeId: 'n1', epoch: 1, serving: { state: 'served' } });
  expect((await get('/v1/systems/s1/why')).body).toMatchObject({ headline: expect.stringContaining('served by n1') });
});

it('gives the same 202 to a repeat, and 422 to another body under its key', async () => {
  const headers = { 'idempotency-key': 'k-1' };
  const [first, second] = await Promise.all([
    post('/v1/nodes', node('n1', 1), headers),
    post('/v1/nodes', node('n1', 1), headers),
  ]);
  expect([first.status, second.status]).toEqual([202, 202]);
  expect(second.body).toEqual(first.body);
  const other = await post('/v1/nodes', node('n2', 2), headers);
  expect(other).toMatchObject({
    status: 422,
    body: { code: 'IDEMPOTENCY_KEY_REUSED', requestId: first.body.operation.id },
  });
  const { body } = await get(`/v1/events?correlation=${first.body.operation.id}`);
  expect(body.items.length).toBeLessThanOrEqual(1);
});

it('answers 200 to an operator fact when asked to wait', async () => {
  const answer = await post('/v1/automation/halt', { scope: 'alpha', reason: 'a spec' }, { prefer: 'wait=5' });
  expect(answer).toMatchObject({ status: 200, body: { operation: { state: 'succeeded', subject: 'cluster/alpha' } } });
  await post('/v1/automation/resume', { scope: 'alpha' });
});

it('makes rows readable within a second of their append', async () => {
  const started = Date.now();
  const took: number[] = [];
  for (let i = 10; i < 30; i += 1) {
    const before = performance.now();
    await post('/v1/nodes', node(`m${i}`, i));
    await until(
      () => get(`/v1/nodes/m${i}`),
      ({ status }) => status === 200,
    );
    took.push(performance.now() - before);
  }
  const median = took.sort((a, b) => a - b)[10]!;
  process.stdout.write(
    `POST to readable: median ${median.toFixed(0)} ms, longest ${took.at(-1)!.toFixed(0)} ms, ${Date.now() - started} ms in all\n`,
  );
  expect(median).toBeLessThan(1_000);
});

it('lets every role on the routes that are its own, and on no other', async () => {
  const roles = ['viewer', 'operator', 'admin'] as const;
  for (const role of roles) {
    const { body } = await post('/v1/access-tokens', { role, label: role });
    const token = (body as unknown as { token: string }).token;
    for (const route of routes.filter(({ path }) => path !== '/v1/stream')) {
      const path = route.path.replace(/:\w+/g, 'nobody');
      const answer = await call(route.method.toUpperCase(), path, {
        token,
        ...(route.method === 'post' && { body: { nonsense: 1 } }),
      });
      const isAllowed = roles.indexOf(role) >= roles.indexOf(route.role);
      if (isAllowed) expect([200, 400, 404]).toContain(answer.status);
      else expect(answer).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    }
  }
});

it('tells a secret once, and lets a revoked token in no more', async () => {
  const headers = { 'idempotency-key': 'token-1' };
  const first = await post('/v1/access-tokens', { role: 'viewer', label: 'once' }, headers);
  const { token, operation } = first.body as unknown as { token: string; operation: { id: string } };
  expect((await get('/v1/nodes', token)).status).toBe(200);
  const again = await post('/v1/access-tokens', { role: 'viewer', label: 'once' }, headers);
  expect(again.body).toMatchObject({ token: null, operation: { id: operation.id } });
  expect((await post(`/v1/access-tokens/${operation.id}/revoke`, {})).status).toBe(202);
  expect(await get('/v1/nodes', token)).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
});

it('gives every refusal a code and a remedy', async () => {
  const refusals: [Promise<Answer>, number, string][] = [
    [get('/v1/systems/s2'), 404, 'NOT_FOUND'],
    [get('/v1/nothing'), 404, 'NOT_FOUND'],
    [get('/v1/nodes?colour=red'), 400, 'INVALID_REQUEST'],
    [get('/v1/nodes?limit=501'), 400, 'INVALID_REQUEST'],
    [get('/v1/nodes?cursor=abc'), 422, 'CURSOR_INVALID'],
    [call('PUT', '/v1/nodes'), 405, 'METHOD_NOT_ALLOWED'],
    [call('GET', '/v1/nodes', { token: 'wrong' }), 401, 'UNAUTHENTICATED'],
    [post('/v1/systems', { ...system('s9'), colour: 'red' }), 400, 'INVALID_REQUEST'],
    [post('/v1/systems', '{"__proto__":{}}'), 400, 'INVALID_REQUEST'],
    [post('/v1/systems', { ...system('s9'), clusterId: 'alhpa' }), 404, 'NOT_FOUND'],
    [post('/v1/systems', `"${'x'.repeat(300_000)}"`), 413, 'TOO_LARGE'],
    [
      call('POST', '/v1/systems', { body: '{}', headers: { 'content-type': 'text/plain' } }),
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [post('/v1/clusters', { clusterId: 'alpha', name: 'x', addressRanges: ['127.8.0.0/24'] }), 409, 'CLUSTER_EXISTS'],
    [post('/v1/nodes', { ...node('n8', 8), dataAddress: '127.9.1.8' }), 409, 'DATA_ADDRESS_TAKEN'],
    [post('/v1/systems/%zz/retire', {}), 400, 'INVALID_REQUEST'],
  ];
  for (const [asked, status, code] of refusals) {
    const answer = await asked;
    expect(answer).toMatchObject({ status, body: { code } });
    expect(Object.keys(problems)).toContain(code);
    expect(answer.body).toMatchObject({
      type: `urn:holdfast:problem:${code}`,
      remedy: expect.stringMatching(/.{10}/),
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  }
  expect((await get('/v1/clusters/alpa')).body).toMatchObject({ nearest: 'alpha' });
});

it('says who has not answered, and goes on waiting', async () => {
  const { body } = await post('/v1/clusters/alpha/thaw', { reason: 'a spec' });
  const told = await until(
    () => get(`/v1/operations/${body.operation.id}`),
    ({ body: now }) => (now as { reason?: unknown }).reason !== null,
  );
  expect(told.body).toMatchObject({
    state: 'queued',
    reason: { code: 'UNANSWERED', text: expect.stringContaining('health-monitor') },
  });
});

it('rebuilds a projection on request, and refuses one that it does not know', async () => {
  const { body } = await post('/v1/projections/nodes/rebuild', {});
  expect((await get(`/v1/operations/${body.operation.id}?wait=30`)).body).toMatchObject({ state: 'succeeded' });
  const [rebuilt] = (await get(`/v1/events?correlation=${body.operation.id}&type=ProjectionRebuilt`)).body.items;
  expect(rebuilt).toMatchObject({ data: { name: 'nodes', contentHash: expect.stringMatching(/^[0-9a-f]{64}$/) } });
  const unknown = await post('/v1/projections/nothing/rebuild', {});
  expect((await get(`/v1/operations/${unknown.body.operation.id}?wait=30`)).body).toMatchObject({
    state: 'refused',
    reason: { code: 'unknown' },
  });
});

it('answers every list as OpenAPI says it does', async () => {
  for (const route of routes) {
    if (!('read' in route) || route.path.includes(':')) continue;
    const { body } = await get(route.path);
    expect([route.path, route.answer.safeParse(body).error?.issues]).toEqual([route.path, undefined]);
  }
  expect((await get('/v1/services')).body.items).toMatchObject([{ service: 'gateway' }]);
});

it('shows each event under its cause', async () => {
  const [event] = (await get('/v1/events?subject=system/s1&limit=1')).body.items;
  const { tree } = (await get(`/v1/events/${event!.id}/causes`)).body as unknown as {
    tree: { event: { type: string }; effects: unknown[] }[];
  };
  expect(tree[0]).toMatchObject({ event: { type: 'SystemRequested' } });
  expect(tree[0]!.effects.length).toBeGreaterThan(0);
});

/** Reads a stream until it breaks off after so many events. */
async function listen(lastEventId: number, count: number): Promise<number[]> {
  const controller = new AbortController();
  const response = await fetch(`${gateway.url}/v1/stream`, {
    headers: { authorization: `Bearer ${ADMIN}`, 'last-event-id': String(lastEventId) },
    signal: controller.signal,
  });
  const ids: number[] = [];
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) {
    const blocks = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n');
    rest = blocks.pop()!;
    for (const block of blocks) {
      const id = /^id: (\d+)$/m.exec(block)?.[1];
      if (id !== undefined && ids.length < count) ids.push(Number(id));
    }
    if (ids.length >= count) break;
  }
  controller.abort();
  return ids;
}

it('gives a listener that comes back again and again each position once', async () => {
  const from = (await gateway.feed.head()).position;
  const appended = (async () => {
    for (let i = 0; i < 60; i += 1) await post('/v1/automation/halt', { scope: 'fleet', reason: `${i}` });
    await post('/v1/automation/resume', { scope: 'fleet' });
  })();
  const seen: number[] = [];
  const counts = [1, 7, 3, 13, 2, 9, 4, 16, 5];
  for (let turn = 0; seen.length < 60; turn += 1) {
    seen.push(...(await listen(seen.at(-1) ?? from, Math.min(counts[turn % counts.length]!, 60 - seen.length))));
  }
  await appended;
  expect(seen).toEqual(Array.from({ length: 60 }, (_, index) => from + 1 + index));
});

it('tells a listener whose position is of another feed to begin anew', async () => {
  const controller = new AbortController();
  const response = await fetch(`${gateway.url}/v1/stream`, {
    headers: { authorization: `Bearer ${ADMIN}`, 'last-event-id': '999999999' },
    signal: controller.signal,
  });
  const { value } = await response.body!.getReader().read();
  expect(new TextDecoder().decode(value)).toMatch(/^event: reset\ndata: \{"position":\d+\}\n\n/);
  controller.abort();
});

it('keeps what it knows, and every accepted request, over a restart', async () => {
  const { body } = await post('/v1/systems', system('s7'), { 'idempotency-key': 'over-a-restart' });
  await gateway.stop();
  gateway = await startGateway(settings());
  expect((await get('/v1/systems/s1')).body).toMatchObject({ serving: { state: 'served' } });
  const again = await until(
    () => post('/v1/systems', system('s7'), { 'idempotency-key': 'over-a-restart' }),
    ({ status }) => status !== 503,
  );
  expect(again.body).toEqual(body);
});

it('answers 503 with a time to come back while PostgreSQL is away', async () => {
  await appending();
  await postgres.kill();
  const answer = await post('/v1/systems', system('s6'));
  expect(answer).toMatchObject({ status: 503, body: { code: 'STORE_UNAVAILABLE' } });
  expect(answer.headers.get('retry-after')).toBe('2');
  await postgres.restart();
  await until(
    () => post('/v1/systems', system('s6'), { 'idempotency-key': 's6' }),
    ({ status }) => status === 202,
  );
}, 90_000);

it('takes requests while Kafka is away, and says how old its answers are', async () => {
  await until(
    () => get('/v1/nodes'),
    ({ body }) => (body as unknown as { asOf: { ageMs: number | null } }).asOf.ageMs !== null,
  );
  await appending();
  await kafka.kill();
  const { status, body } = await post('/v1/systems', system('s8'));
  expect(status).toBe(202);
  expect((await get(`/v1/operations/${body.operation.id}`)).body).toMatchObject({ state: 'queued' });
  const aged = await until(
    () => get('/v1/nodes'),
    ({ body: list }) => (list as unknown as { asOf: { ageMs: number } }).asOf.ageMs > 6_000,
  );
  expect(aged.status).toBe(200);
  await kafka.restart();
  await until(
    () => get(`/v1/events?correlation=${body.operation.id}`),
    ({ body: list }) => list.items.length > 0,
  );
}, 90_000);
