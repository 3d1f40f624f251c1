import { listOf, runCli, scriptedGateway } from './scripted-gateway';

const healthy = {
  nodeId: 'alpha-1',
  clusterId: 'alpha',
  zone: 'z1',
  dataAddress: '127.9.0.1',
  status: 'healthy',
  since: '2026-03-01T10:40:00.000Z',
  silentMs: 412,
  suspicion: 0,
  engine: { version: '7.2.22', state: 'ok', qmpMs: 1 },
  watchdogAlive: true,
};
const down = {
  ...healthy,
  nodeId: 'alpha-2',
  zone: 'z2',
  status: 'down',
  silentMs: 178_000,
  suspicion: 1,
  engine: null,
  watchdogAlive: null,
};
const s1 = {
  systemId: 's1',
  clusterId: 'alpha',
  nodeId: 'alpha-1',
  epoch: 8,
  address: '127.9.1.1',
  volumes: [
    { volumeId: 'v1', sizeBytes: 67_108_864 },
    { volumeId: 'v2', sizeBytes: 67_108_864 },
  ],
  exports: [{ volumeId: 'v1', uri: 'nbd://127.9.1.1:10809/v1' }],
  serving: { state: 'served', since: '2026-03-01T10:42:06.900Z', reason: null },
};
const s2 = {
  ...s1,
  systemId: 's2',
  nodeId: 'alpha-2',
  epoch: 3,
  address: '127.9.1.2',
  serving: {
    state: 'unserved',
    since: '2026-03-01T10:42:06.900Z',
    reason: 'frozen since many nodes fell silent, thaw alpha',
  },
};

let gateway: Awaited<ReturnType<typeof scriptedGateway>>;
beforeAll(async () => {
  gateway = await scriptedGateway({
    'GET /v1/nodes': listOf([healthy, down]),
    'GET /v1/systems': listOf([s1, s2]),
    'GET /v1/systems/s1': s1,
    'GET /v1/clusters': listOf(
      [
        {
          clusterId: 'alpha',
          verdict: 'healthy',
          sight: { state: 'lost', cause: 'broker', since: '2026-03-01T10:44:40.000Z' },
          frozen: { cause: 'massSilence', since: '2026-03-01T10:44:50.000Z' },
          nodesByStatus: { healthy: 2, down: 1 },
        },
      ],
      { ageMs: 21_500 },
    ),
    'GET /v1/tasks': listOf([]),
    'GET /v1/projections?limit=500': { ...listOf([{ name: 'nodes', position: 5200 }]), cursor: 'next' },
    'GET /v1/projections?limit=500&cursor=next': listOf([{ name: 'systems', position: 5200 }]),
  });
});
afterAll(() => gateway.stop());
const cli = (typed: string) => runCli(`${typed} --url ${gateway.url}`);

describe('a list', () => {
  it('is a table that fits into 100 columns', async () => {
    const { out, code } = await cli('get nodes');
    expect(out).toBe(`\
NODE     CLUSTER  ZONE  STATUS   SINCE  SILENT    SUSPICION  ENGINE  WATCHDOG
alpha-1  alpha    z1    healthy  5 m    412 ms    0 %        ok      alive
alpha-2  alpha    z2    down     5 m    2 m 58 s  100 %      -       -
`);
    expect(code).toBe(0);
  });

  it('wraps its last column, where reasons stand', async () => {
    const { out } = await cli('get systems');
    expect(out).toBe(`\
SYSTEM  CLUSTER  NODE     EPOCH  STATE     SINCE     ADDRESS    VOLUMES     REASON
s1      alpha    alpha-1  8      served    2 m 53 s  127.9.1.1  2 × 64 MiB  -
s2      alpha    alpha-2  3      unserved  2 m 53 s  127.9.1.2  2 × 64 MiB  frozen since many nodes
                                                                            fell silent, thaw alpha
`);
    expect(Math.max(...out.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(100);
  });

  it('shows more with -o wide', async () => {
    const { out } = await cli('get systems -o wide --status served');
    expect(out).toContain('nbd://127.9.1.1:10809/v1');
  });

  it('is names alone with -o name', async () => {
    expect((await cli('get nodes -o name')).out).toBe('node/alpha-1\nnode/alpha-2\n');
  });

  it('is an array alone on stdout with -o json', async () => {
    const { out } = await cli('get nodes -o json');
    expect(JSON.parse(out)).toEqual([healthy, down]);
  });

  it('keeps to a state and a cluster', async () => {
    expect((await cli('get nodes --status down -o name')).out).toBe('node/alpha-2\n');
    expect((await cli('get systems --status unserved -o name')).out).toBe('system/s2\n');
    expect((await cli('get nodes --cluster beta -o name')).out).toBe('');
  });

  it('older than 10 s says so on stderr, and is shown all the same', async () => {
    const { out, err } = await cli('get clusters');
    expect(err).toBe('warning: this list is 21 s old; see `holdfast get services`\n');
    expect(out).toBe(`\
CLUSTER  VERDICT  SIGHT         FROZEN                            NODES
alpha    healthy  lost: broker  massSilence for 10 s: thaw alpha  2 healthy, 1 down
`);
  });

  it('that is empty says so on stderr, and is [] as json', async () => {
    expect(await cli('get tasks')).toEqual({ code: 0, out: '', err: 'no tasks\n' });
    expect((await cli('get tasks -o json')).out).toBe('[]\n');
  });

  it('is read to its last page', async () => {
    expect((await cli('get projections -o name')).out).toBe('projection/nodes\nprojection/systems\n');
  });

  it('is known by either name of its kind; one thing by its id', async () => {
    expect((await cli('get system s1 -o name')).out).toBe('system/s1\n');
  });

  it('of an unknown kind is wrong usage', async () => {
    const { code, err } = await cli('get volumes');
    expect(code).toBe(2);
    expect(err).toContain('there is no kind volumes');
  });
});
