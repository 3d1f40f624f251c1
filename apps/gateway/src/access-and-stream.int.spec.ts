import { routes } from './routes';
import { ADMIN, GatewaySuite } from './testing/gateway-suite';

let suite: GatewaySuite;
beforeAll(async () => {
  suite = await GatewaySuite.start();
}, 120_000);
afterAll(() => suite?.stop(), 60_000);

it('lets every role on the routes that are its own, and on no other', async () => {
  const roles = ['viewer', 'operator', 'admin'] as const;
  for (const role of roles) {
    const { body } = await suite.post('/v1/access-tokens', { role, label: role });
    const token = (body as unknown as { token: string }).token;
    for (const route of routes.filter(({ path }) => path !== '/v1/stream')) {
      const path = route.path.replace(/:\w+/g, 'nobody');
      const answer = await suite.call(route.method.toUpperCase(), path, {
        token,
        ...(route.method === 'post' && { body: { nonsense: 1 } }),
      });
      const isAllowed = roles.indexOf(role) >= roles.indexOf(route.role);
      if (isAllowed) expect([200, 400, 404]).toContain(answer.status);
      else expect(answer).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    }
  }
});

/** Reads a stream until it breaks off after so many events. */
async function listen(lastEventId: number, count: number): Promise<number[]> {
  const controller = new AbortController();
  const response = await fetch(`${suite.gateway.url}/v1/stream`, {
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
  const from = (await suite.gateway.feed.head()).position;
  const appended = (async () => {
    for (let i = 0; i < 60; i += 1) await suite.post('/v1/automation/halt', { scope: 'fleet', reason: `${i}` });
    await suite.post('/v1/automation/resume', { scope: 'fleet' });
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
  const response = await fetch(`${suite.gateway.url}/v1/stream`, {
    headers: { authorization: `Bearer ${ADMIN}`, 'last-event-id': '999999999' },
    signal: controller.signal,
  });
  const { value } = await response.body!.getReader().read();
  expect(new TextDecoder().decode(value)).toMatch(/^event: reset\ndata: \{"position":\d+\}\n\n/);
  controller.abort();
});
