import { listOf, runCli, scriptedGateway, type Answer } from './scripted-gateway';

const event = (position: number, type: string) => ({
  position,
  at: '2026-03-01T10:42:06.270123Z',
  type,
  stream: 'cluster-health-alpha',
  version: position - 5000,
  correlationId: 'c1',
});

let gateway: Awaited<ReturnType<typeof scriptedGateway>>;
const given = async (script: Record<string, Answer | ((body: unknown) => Answer)>) => {
  gateway = await scriptedGateway(script);
};
afterEach(() => gateway.stop());
const cli = (typed: string, world = {}) => runCli(`${typed} --url ${gateway.url}`, world);

describe('a subject', () => {
  const nodes = listOf([{ nodeId: 'alpha-1' }, { nodeId: 'alpha-2' }, { nodeId: 'beta-1' }]);
  const whyBeta = { subject: 'node/beta-1', headline: 'healthy since 10:40', lines: [], chain: [] };

  it('is found by a unique beginning of its id', async () => {
    await given({ 'GET /v1/nodes': nodes, 'GET /v1/nodes/beta-1/why': whyBeta });
    expect((await cli('why node/bet')).out).toBe('healthy since 10:40\n');
  });

  it('that begins several ids is wrong usage and names them', async () => {
    await given({ 'GET /v1/nodes': nodes });
    const { code, err } = await cli('why node/alpha');
    expect(code).toBe(2);
    expect(err).toContain('alpha is the beginning of several: alpha-1, alpha-2');
  });

  it('that is not there exits 8 with the remedy and trace of the gateway', async () => {
    await given({ 'GET /v1/nodes': nodes });
    expect(await cli('why node/gamma')).toEqual({
      code: 8,
      out: '',
      err: `\
error     NOT_FOUND  no such thing: gamma
remedy    list what there is
trace     ${'a1'.repeat(16)}
`,
    });
  });

  it('without a kind is wrong usage', async () => {
    await given({});
    expect((await cli('why alpha-1')).code).toBe(2);
  });
});

describe('why', () => {
  it('prints the decision, its evidence by label, and with -o wide what led to it', async () => {
    await given({
      'GET /v1/systems/s1': { systemId: 's1' },
      'GET /v1/systems/s1/why': {
        subject: 'system/s1',
        headline: 'served by n5 since 10:42:06.9, epoch 8 (TaskMoved): n3 was declared down (cluster-health-c1@5181)',
        lines: [
          { label: 'fence', text: "claim 8 {n5} on c1's medium; write lock had after 0.3 s" },
          { label: 'chosen', text: 'n5 rank 1 of 2, load 0.41 → 0.55, bound 0.93' },
        ],
        chain: [event(5181, 'NodeDeclaredDown')],
      },
    });
    expect((await cli('why system/s1 -o wide')).out).toBe(`\
served by n5 since 10:42:06.9, epoch 8 (TaskMoved): n3 was declared down (cluster-health-c1@5181)
  fence   claim 8 {n5} on c1's medium; write lock had after 0.3 s
  chosen  n5 rank 1 of 2, load 0.41 → 0.55, bound 0.93

what led to it
POSITION  AT                        EVENT             STREAM
5181      2026-03-01T10:42:06.270Z  NodeDeclaredDown  cluster-health-alpha@181
`);
  });
});

describe('describe', () => {
  it('prints every field by its path, the last events and what may be done', async () => {
    await given({
      'GET /v1/systems/s1': {
        systemId: 's1',
        serving: { state: 'served', reason: null },
        volumes: [{ volumeId: 'v1', sizeBytes: 4096 }],
        actions: [{ verb: 'retire', allowed: false, why: 'reserved' }],
        asOf: {},
      },
      'GET /v1/events?subject=system%2Fs1&order=newest&limit=10': listOf([event(5001, 'A'), event(5002, 'B')]),
    });
    expect((await cli('describe system/s1')).out).toBe(`\
system/s1
  systemId              s1
  serving.state         served
  serving.reason        -
  volumes[0].volumeId   v1
  volumes[0].sizeBytes  4096

actions
  retire  not now: reserved

last events
POSITION  AT                        EVENT  STREAM
5001      2026-03-01T10:42:06.270Z  A      cluster-health-alpha@1
5002      2026-03-01T10:42:06.270Z  B      cluster-health-alpha@2
`);
  });
});

describe('events', () => {
  it('since a position are read to the last page', async () => {
    const first = Array.from({ length: 500 }, (_, i) => event(101 + i, 'A'));
    await given({
      'GET /v1/events?subject=node%2Falpha-1&since=100&limit=500': listOf(first),
      'GET /v1/events?subject=node%2Falpha-1&since=600&limit=500': listOf([event(601, 'B')]),
    });
    const { out } = await cli('events --for node/alpha-1 --since 100 -o json');
    expect(JSON.parse(out)).toHaveLength(501);
  });

  it.each([
    ['a time ago', '10m', 3],
    ['an instant', '2026-03-01T10:35:00.000Z', 3],
    ['before all', '1d', 0],
    ['after all', '0s', 7],
  ])('since %s begin after the last event known before it', async (_, since, expected) => {
    // Position n became known n minutes after 10:31:30; it is 10:45 now.
    const log = [1, 2, 3, 4, 5, 6, 7].map((position) => ({
      ...event(position, 'A'),
      knownAt: new Date(Date.parse('2026-03-01T10:31:30.000Z') + position * 60_000).toISOString(),
    }));
    const asOf = { position: 7 };
    const after = (position: number) => listOf(log.filter((one) => one.position > position).slice(0, 1), asOf);
    await given({
      'GET /v1/events?limit=1': after(0),
      ...Object.fromEntries([0, 1, 2, 3, 4, 5, 6, 7].map((n) => [`GET /v1/events?since=${n}&limit=1`, after(n)])),
      [`GET /v1/events?since=${expected}&limit=500`]: listOf([]),
    });
    expect(await cli(`events --since ${since}`)).toEqual({ code: 0, out: '', err: 'no events\n' });
  });

  it('watched go on after a broken connection where they stopped, one JSON line each, samples left out', async () => {
    const interrupt = new AbortController();
    const line = (position: number) =>
      `id: ${position}\nevent: event\ndata: ${JSON.stringify(event(position, 'A'))}\n\n`;
    await given({
      'GET /v1/events': listOf([event(5000, 'A')]),
      'GET /v1/stream': () => {
        if (gateway.heard.filter(({ request }) => request.startsWith('GET /v1/stream')).length === 1)
          return `: hello\n\n${line(5001)}event: sample\ndata: {}\n\n`;
        return line(5002);
      },
    });
    const printed: string[] = [];
    const out = (text: string) => {
      printed.push(text);
      if (text.includes('5002')) interrupt.abort();
    };
    const { code } = await cli('events --watch -o json', { out, interrupted: interrupt.signal });
    expect(code).toBe(0);
    expect(printed.map((text) => (JSON.parse(text) as { position: number }).position)).toEqual([5001, 5002]);
    expect(gateway.heard.slice(1).map(({ lastEventId }) => lastEventId)).toEqual(['5000', '5001']);
  });

  it('watched from a position behind which there is none yet begin there, not wherever the log is by then', async () => {
    const interrupt = new AbortController();
    await given({
      'GET /v1/events': listOf([]),
      'GET /v1/stream': `id: 43\nevent: event\ndata: ${JSON.stringify(event(43, 'A'))}\n\n`,
    });
    const out = () => interrupt.abort();
    await cli('events --for node/alpha-1 --since 42 --watch -o json', { out, interrupted: interrupt.signal });
    expect(gateway.heard.at(-1)).toMatchObject({ request: 'GET /v1/stream?subject=node%2Falpha-1', lastEventId: '42' });
  });
});

describe('get --watch', () => {
  it('prints a JSON line for each change, and none for ages', async () => {
    const interrupt = new AbortController();
    const looks = [
      { nodeId: 'n1', status: 'healthy', silentMs: 100 },
      { nodeId: 'n1', status: 'healthy', silentMs: 900 },
      { nodeId: 'n1', status: 'down', silentMs: 5_000 },
    ];
    await given({ 'GET /v1/nodes': () => listOf([looks.shift() ?? {}]) });
    const printed: string[] = [];
    const out = (text: string) => {
      printed.push(text);
      if (text.includes('down')) interrupt.abort();
    };
    await cli('get nodes --watch -o json', { out, interrupted: interrupt.signal });
    expect(printed).toEqual([
      '{"nodeId":"n1","status":"healthy","silentMs":100}\n',
      '{"nodeId":"n1","status":"down","silentMs":5000}\n',
    ]);
  });
});

it('get --watch outlives a gateway that goes away, and says so once', async () => {
  const interrupt = new AbortController();
  const away: Answer = [503, { code: 'STORE_UNAVAILABLE', detail: 'away', remedy: 'r' }];
  const looks: Answer[] = [listOf([{ nodeId: 'n1' }]), away, away, listOf([{ nodeId: 'n2' }])];
  await given({ 'GET /v1/nodes': () => looks.shift()! });
  const out = (text: string) => {
    if (text.includes('n2')) interrupt.abort();
  };
  const { code, err } = await cli('get nodes --watch -o name', { out, interrupted: interrupt.signal });
  expect({ code, err }).toEqual({ code: 0, err: 'warning: away; asking again\n' });
});

it('get --watch ends well when it is interrupted in the midst of a look', async () => {
  const interrupt = new AbortController();
  await given({
    'GET /v1/nodes': () => {
      interrupt.abort();
      return listOf([]);
    },
  });
  const { code, err } = await cli('get nodes --watch', { interrupted: interrupt.signal });
  expect({ code, err }).toEqual({ code: 0, err: '' });
});

describe('the exit code', () => {
  const problem = (status: number, code: string): Answer => [status, { code, detail: 'd', remedy: 'r' }];
  it.each([
    ['wrong usage', 400, 'INVALID_REQUEST', 2],
    ['not signed in', 401, 'UNAUTHENTICATED', 4],
    ['not allowed', 403, 'FORBIDDEN', 4],
    ['refused', 409, 'CLUSTER_EXISTS', 3],
    ['refused: a key used twice', 422, 'IDEMPOTENCY_KEY_REUSED', 3],
    ['changed meanwhile', 409, 'STREAM_CONFLICT', 6],
    ['changed meanwhile', 412, 'CHANGED', 6],
    ['not ready', 503, 'STORE_UNAVAILABLE', 5],
    ['unexpected', 500, 'INTERNAL', 1],
  ])('of %s (%i %s) is %i', async (_, status, code, expected) => {
    await given({ 'GET /v1/nodes': problem(status, code) });
    const { code: exitCode, err } = await cli('get nodes');
    expect({ exitCode, err }).toEqual({ exitCode: expected, err: `error     ${code}  d\nremedy    r\n` });
  });

  it('of an unreachable gateway is 5', async () => {
    await given({});
    const { code, err } = await runCli('get nodes --url http://127.0.0.1:9');
    expect(code).toBe(5);
    expect(err).toMatch(/^error {5}GATEWAY_UNREACHABLE/);
  });

  it('of a mistyped verb is 2, and names the nearest', async () => {
    await given({});
    const { code, err } = await cli('gte nodes');
    expect(code).toBe(2);
    expect(err).toMatch(/^error {5}USAGE {2}unknown command 'gte'\n\(Did you mean get\?\)\nremedy {4}add --help/);
  });

  it('of help is 0', async () => {
    await given({});
    expect((await runCli('--help')).code).toBe(0);
  });
});
