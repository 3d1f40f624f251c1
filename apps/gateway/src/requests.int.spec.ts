import { problems } from './http/problem';
import { routes } from './routes';
import { GatewaySuite, node, system, type Answer } from './testing/gateway-suite';

let suite: GatewaySuite;
beforeAll(async () => {
  suite = await GatewaySuite.start();
}, 120_000);
afterAll(() => suite?.stop(), 60_000);

it('follows a request from its POST through the log to its end', async () => {
  const accepted = await suite.post('/v1/systems', system('s1'));
  expect(accepted.status).toBe(202);
  const { operation } = accepted.body;
  expect(accepted.headers.get('location')).toBe(`/v1/operations/${operation.id}`);
  expect(operation.state).toBe('queued');
  expect((await suite.get(`/v1/operations/${operation.id}`)).body).toMatchObject({
    id: operation.id,
    subject: 'system/s1',
  });

  const ended = suite.get(`/v1/operations/${operation.id}?wait=30`);
  await suite.serve('s1', operation.id);
  expect((await ended).body).toMatchObject({ state: 'succeeded' });
  expect((await suite.get('/v1/systems/s1')).body).toMatchObject({
    nodeId: 'n1',
    epoch: 1,
    serving: { state: 'served' },
  });
  expect((await suite.get('/v1/systems/s1/why')).body).toMatchObject({
    headline: expect.stringContaining('served by n1'),
  });
});

it('gives the same 202 to a repeat, and 422 to another body under its key', async () => {
  const headers = { 'idempotency-key': 'k-1' };
  const [first, second] = await Promise.all([
    suite.post('/v1/nodes', node('n1', 1), headers),
    suite.post('/v1/nodes', node('n1', 1), headers),
  ]);
  expect([first.status, second.status]).toEqual([202, 202]);
  expect(second.body).toEqual(first.body);
  const other = await suite.post('/v1/nodes', node('n2', 2), headers);
  expect(other).toMatchObject({
    status: 422,
    body: { code: 'IDEMPOTENCY_KEY_REUSED', requestId: first.body.operation.id },
  });
  const { body } = await suite.get(`/v1/events?correlation=${first.body.operation.id}`);
  expect(body.items.length).toBeLessThanOrEqual(1);
});

it('answers 200 to an operator fact when asked to wait', async () => {
  const answer = await suite.post('/v1/automation/halt', { scope: 'alpha', reason: 'a spec' }, { prefer: 'wait=5' });
  expect(answer).toMatchObject({ status: 200, body: { operation: { state: 'succeeded', subject: 'cluster/alpha' } } });
  await suite.post('/v1/automation/resume', { scope: 'alpha' });
});

it('makes rows readable within a second of their append', async () => {
  const started = Date.now();
  const took: number[] = [];
  for (let i = 10; i < 30; i += 1) {
    const before = performance.now();
    await suite.post('/v1/nodes', node(`m${i}`, i));
    await suite.until(
      () => suite.get(`/v1/nodes/m${i}`),
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

it('tells a secret once, and lets a revoked token in no more', async () => {
  const headers = { 'idempotency-key': 'token-1' };
  const first = await suite.post('/v1/access-tokens', { role: 'viewer', label: 'once' }, headers);
  const { token, operation } = first.body as unknown as { token: string; operation: { id: string } };
  expect((await suite.get('/v1/nodes', token)).status).toBe(200);
  const again = await suite.post('/v1/access-tokens', { role: 'viewer', label: 'once' }, headers);
  expect(again.body).toMatchObject({ token: null, operation: { id: operation.id } });
  expect((await suite.post(`/v1/access-tokens/${operation.id}/revoke`, {})).status).toBe(202);
  expect(await suite.get('/v1/nodes', token)).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
});

it('gives every refusal a code and a remedy', async () => {
  const refusals: [Promise<Answer>, number, string][] = [
    [suite.get('/v1/systems/s2'), 404, 'NOT_FOUND'],
    [suite.get('/v1/nothing'), 404, 'NOT_FOUND'],
    [suite.get('/v1/nodes?colour=red'), 400, 'INVALID_REQUEST'],
    [suite.get('/v1/nodes?limit=501'), 400, 'INVALID_REQUEST'],
    [suite.get('/v1/nodes?cursor=abc'), 422, 'CURSOR_INVALID'],
    [suite.call('PUT', '/v1/nodes'), 405, 'METHOD_NOT_ALLOWED'],
    [suite.call('GET', '/v1/nodes', { token: 'wrong' }), 401, 'UNAUTHENTICATED'],
    [suite.post('/v1/systems', { ...system('s9'), colour: 'red' }), 400, 'INVALID_REQUEST'],
    [suite.post('/v1/systems', '{"__proto__":{}}'), 400, 'INVALID_REQUEST'],
    [suite.post('/v1/systems', { ...system('s9'), clusterId: 'alhpa' }), 404, 'NOT_FOUND'],
    [suite.post('/v1/systems', `"${'x'.repeat(300_000)}"`), 413, 'TOO_LARGE'],
    [
      suite.call('POST', '/v1/systems', { body: '{}', headers: { 'content-type': 'text/plain' } }),
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [
      suite.post('/v1/clusters', { clusterId: 'alpha', name: 'x', addressRanges: ['127.8.0.0/24'] }),
      409,
      'CLUSTER_EXISTS',
    ],
    [suite.post('/v1/nodes', { ...node('n8', 8), dataAddress: '127.9.1.8' }), 409, 'DATA_ADDRESS_TAKEN'],
    [suite.post('/v1/systems/%zz/retire', {}), 400, 'INVALID_REQUEST'],
    [suite.get('/v1/operations/%00'), 400, 'INVALID_REQUEST'],
    [suite.get('/v1/events?type=%00'), 400, 'INVALID_REQUEST'],
    [suite.post('/v1/automation/halt', { scope: 'alpha', reason: 'a\0b' }), 400, 'INVALID_REQUEST'],
    [suite.get('/v1/nodes?status=bogus'), 400, 'INVALID_REQUEST'],
    [suite.get('/schemas/NodeJoined/1e0.json'), 404, 'NOT_FOUND'],
    [suite.get('/schemas/NodeJoined/0x1.json'), 404, 'NOT_FOUND'],
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
  expect((await suite.get('/v1/clusters/alpa')).body).toMatchObject({ nearest: 'alpha' });
});

it('says who has not answered, and goes on waiting', async () => {
  const { body } = await suite.post('/v1/clusters/alpha/thaw', { reason: 'a spec' });
  const told = await suite.until(
    () => suite.get(`/v1/operations/${body.operation.id}`),
    ({ body: now }) => (now as { reason?: unknown }).reason !== null,
  );
  expect(told.body).toMatchObject({
    state: 'queued',
    reason: { code: 'UNANSWERED', text: expect.stringContaining('health-monitor') },
  });
});

it('rebuilds a projection on request, and refuses one that it does not know', async () => {
  const { body } = await suite.post('/v1/projections/nodes/rebuild', {});
  expect((await suite.get(`/v1/operations/${body.operation.id}?wait=30`)).body).toMatchObject({ state: 'succeeded' });
  const [rebuilt] = (await suite.get(`/v1/events?correlation=${body.operation.id}&type=ProjectionRebuilt`)).body.items;
  expect(rebuilt).toMatchObject({ data: { name: 'nodes', contentHash: expect.stringMatching(/^[0-9a-f]{64}$/) } });
  const unknown = await suite.post('/v1/projections/nothing/rebuild', {});
  expect((await suite.get(`/v1/operations/${unknown.body.operation.id}?wait=30`)).body).toMatchObject({
    state: 'refused',
    reason: { code: 'UNKNOWN' },
  });
});

it('answers every list as OpenAPI says it does', async () => {
  for (const route of routes) {
    if (!('read' in route) || route.path.includes(':')) continue;
    const { body } = await suite.get(route.path);
    expect([route.path, route.answer.safeParse(body).error?.issues]).toEqual([route.path, undefined]);
  }
  expect((await suite.get('/v1/services')).body.items).toMatchObject([{ service: 'gateway' }]);
});

it('shows each event under its cause', async () => {
  const [event] = (await suite.get('/v1/events?subject=system/s1&limit=1')).body.items;
  const { tree } = (await suite.get(`/v1/events/${String(event!.id)}/causes`)).body as unknown as {
    tree: { event: { type: string }; effects: unknown[] }[];
  };
  expect(tree[0]).toMatchObject({ event: { type: 'SystemRequested' } });
  expect(tree[0]!.effects.length).toBeGreaterThan(0);
});

it('shows what is parked with its raw record, and takes the way on', async () => {
  const { body } = await suite.post('/v1/systems', system('s3'));
  const { id } = body.operation;
  const stream = `request-${id}`;
  const place = { service: 'load-balancer', consumer: 'main', stream, version: 1 };
  const why = { code: 'HANDLER_FAILED', message: 'a bug', attempts: 5 };
  const parked = { ...place, eventId: id, type: 'SystemRequested', ...why };
  await suite.tell({ stream: 'inbox-load-balancer-main', partitionKey: 'load-balancer' }, id, [
    { type: 'EventParked', data: parked },
  ]);
  const path = `/v1/parked-events/load-balancer.main.${stream}`;
  const shown = await suite.until(
    () => suite.get(path),
    ({ status, body: now }) => status === 200 && (now as { raw?: unknown }).raw !== null,
  );
  const { raw } = shown.body as unknown as { raw: { headers: Record<string, string>; valueBase64: string } };
  expect(raw.headers).toMatchObject({
    ce_type: 'SystemRequested',
    ce_id: id,
    ce_subject: stream,
    ce_streamversion: '1',
  });
  expect(JSON.parse(Buffer.from(raw.valueBase64, 'base64').toString())).toMatchObject({
    systemId: 's3',
    requestId: id,
  });
  expect(await suite.post(`${path}/retry`, {})).toMatchObject({ status: 202 });
  expect(await suite.post(`${path}/skip`, {})).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
});
