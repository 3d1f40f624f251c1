import { listOf, runCli, scriptedGateway, type Answer } from './scripted-gateway';

const then = { position: 5100, at: '2026-03-01T10:40:00.000Z', ageMs: 300_000 };
const s1 = {
  systemId: 's1',
  clusterId: 'alpha',
  nodeId: 'alpha-1',
  epoch: 1,
  volumes: [],
  serving: { state: 'served', since: '2026-03-01T10:39:00.000Z', reason: null },
};
const event = (position: number) => ({
  position,
  at: '2026-03-01T10:42:06.270123Z',
  type: 'TaskMoved',
  stream: 'routing-table-alpha',
  version: position - 5000,
});

let gateway: Awaited<ReturnType<typeof scriptedGateway>>;
const given = async (script: Record<string, Answer | ((body: unknown) => Answer)>) => {
  gateway = await scriptedGateway(script);
};
afterEach(() => gateway.stop());
const cli = (typed: string) => runCli(`${typed} --url ${gateway.url}`);

describe('--as-of', () => {
  it('shows a list as it was known then, ages counted from then, and does not call it old', async () => {
    await given({ 'GET /v1/systems?limit=500&asOf=5100': listOf([s1], then) });
    expect(await cli('get systems --as-of 5100')).toEqual({
      code: 0,
      err: '',
      out: `\
SYSTEM  CLUSTER  NODE     EPOCH  STATE   SINCE
s1      alpha    alpha-1  1      served  1 m
`,
    });
  });

  it.each([
    ['2026-03-01T10:40:00.123456Z', '2026-03-01T10:40:00.123456Z'],
    ['2026-03-01T11:40:00+01:00', '2026-03-01T10:40:00.000Z'],
    ['5m', '2026-03-01T10:40:00.000Z'],
  ])('%s asks for %s', async (typed, asked) => {
    await given({ [`GET /v1/systems?limit=500&asOf=${encodeURIComponent(asked)}`]: listOf([], then) });
    expect((await cli(`get systems --as-of ${typed}`)).code).toBe(0);
  });

  it('that is neither is wrong usage, and so is watching the past', async () => {
    await given({});
    expect((await cli('get systems --as-of yesterday')).code).toBe(2);
    expect((await cli('get systems --as-of -1')).code).toBe(2);
    expect((await cli('get systems --as-of 5 --watch')).code).toBe(2);
  });

  it('out of range is told as the gateway tells it', async () => {
    await given({
      'GET /v1/systems': [422, { code: 'AS_OF_OUT_OF_RANGE', detail: 'asOf=9', remedy: 'ask for 1 to 5' }],
    });
    expect(await cli('get systems --as-of 9')).toMatchObject({
      code: 3,
      err: expect.stringContaining('ask for 1 to 5'),
    });
  });

  it('describes one thing with the events known then', async () => {
    await given({
      'GET /v1/systems/s1?asOf=5100': { ...s1, asOf: then },
      'GET /v1/events?subject=system%2Fs1&order=newest&limit=500': listOf([event(5099), event(5100), event(5101)]),
    });
    const { out, err } = await cli('describe system/s1 --as-of 5100 -o json');
    const { nodeId, events } = JSON.parse(out) as { nodeId: string; events: { position: number }[] };
    expect({ nodeId, positions: events.map(({ position }) => position) }).toEqual({
      nodeId: 'alpha-1',
      positions: [5099, 5100],
    });
    expect(err).toBe('');
  });

  it('finds what was there then by the beginning of its id', async () => {
    await given({ 'GET /v1/systems?limit=500&asOf=5100': listOf([{ ...s1, systemId: 'gone-by-now' }], then) });
    expect((await cli('get system gone --as-of 5100 -o name')).out).toBe('system/gone-by-now\n');
  });
});

it('a picture of which a part stands still says which', async () => {
  await given({ 'GET /v1/systems': listOf([s1], { broken: ['nodes', 'systems'] }) });
  expect((await cli('get systems')).err).toBe(
    'warning: not followed at the moment: nodes, systems; see `holdfast get projections`\n',
  );
});

describe('history', () => {
  const state = (fromPosition: number, at: string, body: object | null) => ({
    fromPosition,
    toPosition: null,
    at,
    body,
  });
  const moved = { ...s1, nodeId: 'alpha-2', epoch: 2, serving: { ...s1.serving, state: 'starting' } };
  const states = [
    state(9, '2026-03-01T10:38:00.000000Z', null),
    state(10, '2026-03-01T10:39:00.000100Z', s1),
    state(12, '2026-03-01T10:39:30.000000Z', { ...s1, nothing: 'that is shown' }),
    state(90, '2026-03-01T10:42:06.900000Z', moved),
    state(99, '2026-03-01T10:44:00.000000Z', null),
  ];

  it('tells each state that differs in what is shown, and when it ceased to be', async () => {
    await given({ 'GET /v1/systems/s1/history': listOf(states) });
    expect((await cli('history system/s1')).out).toBe(`\
POSITION  AT                        CLUSTER  NODE     EPOCH  STATE
10        2026-03-01T10:39:00.000Z  alpha    alpha-1  1      served
90        2026-03-01T10:42:06.900Z  alpha    alpha-2  2      starting
99        2026-03-01T10:44:00.000Z  -        -        -      gone
`);
  });

  it('is all of it with -o json', async () => {
    await given({ 'GET /v1/systems/s1/history': listOf(states) });
    expect(JSON.parse((await cli('history system/s1 -o json')).out)).toEqual(states);
  });

  it('of a beginning of an id is that of the one there is', async () => {
    await given({
      'GET /v1/systems': listOf([{ systemId: 's1' }]),
      'GET /v1/systems/s1/history': listOf(states),
    });
    expect((await cli('history system/s')).code).toBe(0);
    expect((await cli('history system/nope')).code).toBe(8);
  });
});
