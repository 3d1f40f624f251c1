import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { startGateway } from './gateway';
import { ADMIN, GatewaySuite, system } from './testing/gateway-suite';

const OUTBOX_LIMIT = 10;
let suite: GatewaySuite;
beforeAll(async () => {
  suite = await GatewaySuite.start();
}, 120_000);
afterAll(() => suite?.stop(), 60_000);

/** 0 while every projection stands still. */
const positionOf = ({ body }: { body: unknown }) => (body as { asOf: { position: number } }).asOf.position;
const ageOf = ({ body }: { body: unknown }) => (body as { asOf: { ageMs: number | null } }).asOf.ageMs;

async function unsent(): Promise<number> {
  const client = new Client(suite.url);
  await client.connect();
  const { rows } = await client.query<{ n: number }>('select count(*)::int as n from es.outbox_requests');
  await client.end();
  return rows[0]!.n;
}

async function openStream(): Promise<Response> {
  const headers = { authorization: `Bearer ${ADMIN}` };
  const response = await fetch(`${suite.gateway.url}/v1/stream`, { headers });
  expect(response.status).toBe(200);
  return response;
}

it('tells its listeners when to come back and sends what it accepted, before it ends', async () => {
  const stream = await openStream();
  expect((await suite.post('/v1/automation/halt', { scope: 'fleet', reason: 'a spec' })).status).toBe(202);
  await suite.gateway.stop();
  expect(await stream.text()).toMatch(/retry: 1000\n\n$/);
  expect(await unsent()).toBe(0);

  const portFile = join(suite.folder, 'port');
  const adminPortFile = join(suite.folder, 'admin-port');
  suite.gateway = await startGateway(
    suite.settings({
      HOLDFAST_GATEWAY_PORT_FILE: portFile,
      HOLDFAST_ADMIN_PORT_FILE: adminPortFile,
      HOLDFAST_OUTBOX_LIMIT_EVENTS: String(OUTBOX_LIMIT),
    }),
  );
  expect(readFileSync(portFile, 'utf8')).toBe(new URL(suite.gateway.url).port);
  expect(readFileSync(adminPortFile, 'utf8').trim()).toBe(String(suite.gateway.admin.port));
}, 60_000);

it('keeps what it knows, and every accepted request, over a restart', async () => {
  await suite.appending();
  const { body } = await suite.post('/v1/systems', system('s7'), { 'idempotency-key': 'over-a-restart' });
  await suite.gateway.stop();
  suite.gateway = await startGateway(suite.settings({ HOLDFAST_OUTBOX_LIMIT_EVENTS: String(OUTBOX_LIMIT) }));
  expect((await suite.get('/v1/clusters/alpha')).body).toMatchObject({ name: 'Alpha' });
  const again = await suite.until(
    () => suite.post('/v1/systems', system('s7'), { 'idempotency-key': 'over-a-restart' }),
    ({ status }) => status !== 503,
  );
  expect(again.body).toEqual(body);
}, 60_000);

it('answers 503 with a time to come back while PostgreSQL is away', async () => {
  await suite.appending();
  await suite.postgres.kill();
  const answer = await suite.post('/v1/systems', system('s6'));
  expect(answer).toMatchObject({ status: 503, body: { code: 'STORE_UNAVAILABLE' } });
  expect(answer.headers.get('retry-after')).toBe('2');
  // The projector looks for news, and finds no store.
  suite.gateway.feed.wake();
  const list = await suite.get('/v1/nodes');
  expect(list).toMatchObject({ status: 503, body: { remedy: expect.stringMatching(/^check PostgreSQL.*ask again$/) } });
  // No projection is at fault: they go on at once, even if nothing new is heard.
  expect(suite.gateway.projector.broken()).toEqual([]);
  await suite.postgres.restart();
  await suite.until(
    () => suite.get('/v1/nodes'),
    (answer) => answer.status === 200 && positionOf(answer) > 0,
  );
  await suite.until(
    () => suite.post('/v1/systems', system('s6'), { 'idempotency-key': 's6' }),
    ({ status }) => status === 202,
  );
}, 90_000);

it('takes requests while Kafka is away until too many wait, and says how old its answers are', async () => {
  await suite.until(
    () => suite.get('/v1/nodes'),
    (answer) => ageOf(answer) !== null,
  );
  await suite.appending();
  process.kill(suite.kafka.pid, 'SIGSTOP');
  try {
    const { status, body } = await suite.post('/v1/systems', system('s8'));
    expect(status).toBe(202);
    const { id } = body.operation;
    expect((await suite.get(`/v1/operations/${id}`)).body).toMatchObject({ state: 'queued' });
    const full = await suite.until(
      () => suite.post('/v1/automation/halt', { scope: 'fleet', reason: 'a spec' }),
      (answer) => answer.status !== 202,
    );
    expect(full).toMatchObject({ status: 503, body: { code: 'OUTBOX_FULL' } });
    expect(await unsent()).toBeGreaterThanOrEqual(OUTBOX_LIMIT);
    await suite.until(
      () => suite.get('/v1/nodes'),
      (answer) => answer.status === 200 && (ageOf(answer) ?? 0) > 6_000,
    );
    process.kill(suite.kafka.pid, 'SIGCONT');
    await suite.until(
      () => suite.get(`/v1/events?correlation=${id}`),
      ({ body: list }) => list.items.length > 0,
    );
  } finally {
    process.kill(suite.kafka.pid, 'SIGCONT');
  }
}, 90_000);
