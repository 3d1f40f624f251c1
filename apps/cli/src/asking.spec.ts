import { NOW, operation, runCli, scriptedGateway, type Answer } from './scripted-gateway';

const refusal = { code: 'NOT_FROZEN', text: 'alpha is not frozen', remedy: 'nothing is to be lifted' };

let gateway: Awaited<ReturnType<typeof scriptedGateway>>;
const given = async (script: Record<string, Answer | ((body: unknown) => Answer)>) => {
  gateway = await scriptedGateway(script);
};
afterEach(() => gateway.stop());
const cli = (typed: string, world = {}) => runCli(`${typed} --url ${gateway.url}`, world);
const postsHeard = () => gateway.heard.filter(({ request }) => request.startsWith('POST'));

describe('a verb that asks for something', () => {
  const path = `GET /v1/operations/${operation('running').id}`;

  it('sends the request with an idempotency key and says what became of it', async () => {
    await given({ 'POST /v1/systems': [202, { operation: operation('queued') }], [path]: operation('succeeded') });
    const { out, code } = await cli('system create s9 --cluster alpha --volumes 2 --size 64MiB');
    expect(out).toBe('system/s9: SystemRequested succeeded in 1.3 s\n');
    expect(code).toBe(0);
    const [post] = postsHeard();
    expect(post?.key).toMatch(/^[0-9a-f-]{36}$/);
    expect(post?.body).toEqual({
      systemId: 's9',
      clusterId: 'alpha',
      volumes: [
        { volumeId: 'v1', sizeBytes: 67_108_864 },
        { volumeId: 'v2', sizeBytes: 67_108_864 },
      ],
    });
  });

  it('takes each volume by its name and size', async () => {
    await given({ 'POST /v1/systems': { operation: operation('succeeded') } });
    await cli('system create s9 --cluster alpha --volume a=64MiB --volume log=1GiB');
    expect(postsHeard()[0]?.body).toMatchObject({
      volumes: [
        { volumeId: 'a', sizeBytes: 67_108_864 },
        { volumeId: 'log', sizeBytes: 1_073_741_824 },
      ],
    });
  });

  it('repeats an earlier call under the key it is given', async () => {
    await given({ 'POST /v1/automation/resume': { operation: operation('succeeded') } });
    await cli('resume --idempotency-key k1');
    expect(postsHeard()[0]).toMatchObject({ key: 'k1', body: { scope: 'fleet' } });
  });

  it('that is refused fails with code and remedy, exit 3', async () => {
    await given({
      'GET /v1/clusters/alpha': { clusterId: 'alpha' },
      'POST /v1/clusters/alpha/thaw': [202, { operation: operation('queued') }],
      [path]: operation('refused', { kind: 'ClusterThawRequested', subject: 'cluster/alpha', reason: refusal }),
    });
    expect(await cli('thaw alpha --reason "all are back"')).toEqual({
      code: 3,
      out: '',
      err: `\
error     NOT_FROZEN  ClusterThawRequested cluster/alpha: alpha is not frozen
remedy    nothing is to be lifted
`,
    });
  });

  it('still running after the first seconds says how to follow it', async () => {
    await given({
      'POST /v1/automation/halt': [202, { operation: operation('queued') }],
      [path]: operation('running'),
    });
    const { out, code } = await cli('halt --reason maintenance');
    expect(out).toContain(`follow it: holdfast wait operation/${operation('running').id} --for succeeded`);
    expect(code).toBe(0);
  });

  it('with --wait stays until it has ended, and with -o json prints the operation alone', async () => {
    let looks = 0;
    await given({
      'POST /v1/systems': [202, { operation: operation('queued') }],
      [path]: () => operation(++looks < 3 ? 'running' : 'succeeded'),
    });
    const { out } = await cli('system create s9 --cluster alpha --volume a=1GiB --wait -o json');
    expect(JSON.parse(out)).toEqual(operation('succeeded'));
    expect(looks).toBe(3);
  });

  it('with --watch tells each step once, then the outcome', async () => {
    const progress = { done: 1, total: 4, unit: 'pieces', etaSec: { p50: 3 } };
    const steps = [operation('running'), operation('running'), operation('running', { phase: 'creating', progress })];
    await given({
      'POST /v1/systems': [202, { operation: operation('queued') }],
      [path]: () => steps.shift() ?? operation('succeeded'),
    });
    const { out } = await cli('system create s9 --cluster alpha --volume a=1GiB --watch');
    expect(out).toBe(`\
system/s9: SystemRequested queued
system/s9: SystemRequested running
system/s9: SystemRequested running, creating, 1 of 4 pieces, about 3 s left
system/s9: SystemRequested succeeded in 1.3 s
`);
  });

  it('goes on waiting while the gateway is away: the request stands', async () => {
    let looks = 0;
    await given({
      'POST /v1/systems': [202, { operation: operation('queued') }],
      [path]: () => (++looks < 2 ? [503, { code: 'STORE_UNAVAILABLE', detail: 'no store' }] : operation('succeeded')),
    });
    expect(await cli('system create s9 --cluster alpha --volume a=1GiB --wait')).toEqual({
      code: 0,
      out: 'system/s9: SystemRequested succeeded in 1.3 s\n',
      err: 'warning: no store; the request stands, asking again\n',
    });
  });

  it('that is not done in time exits 7, for the request stands', async () => {
    await given({ 'POST /v1/systems': [202, { operation: operation('queued') }], [path]: operation('running') });
    let now = NOW;
    const { code, err } = await cli('system create s9 --cluster alpha --volume a=1GiB --wait --timeout 2s', {
      now: () => (now += 1_000),
    });
    expect(code).toBe(7);
    expect(err).toContain('not done in 2.0 s; the request stands');
  });

  it('without an answer names the key under which it may be repeated', async () => {
    await given({
      'POST /v1/automation/halt': [503, { code: 'OUTBOX_FULL', detail: 'full', remedy: 'check the broker' }],
    });
    const { code, err } = await cli('halt --reason test --idempotency-key k7');
    expect(code).toBe(5);
    expect(err).toContain('remedy    check the broker; then repeat with --idempotency-key k7: it is done once at most');
  });

  it('interrupted before the answer says so, and names the key: it may have been done', async () => {
    const interrupt = new AbortController();
    await given({
      'POST /v1/automation/halt': () => {
        interrupt.abort();
        return { operation: operation('succeeded') };
      },
    });
    const { code, err } = await cli('halt --reason test --idempotency-key k7', { interrupted: interrupt.signal });
    expect(code).toBe(130);
    expect(err).toContain('error     INTERRUPTED');
    expect(err).toContain('repeat with --idempotency-key k7');
  });

  it('needs its reason', async () => {
    await given({});
    const { code, err } = await cli('thaw alpha');
    expect(code).toBe(2);
    expect(err).toContain("required option '--reason <text>'");
  });

  it('attests power only when told to', async () => {
    await given({
      'GET /v1/nodes/alpha-2': { nodeId: 'alpha-2' },
      'POST /v1/nodes/alpha-2/declare-down': { operation: operation('succeeded') },
    });
    await cli('declare-down alpha-2 --reason burnt');
    await cli('declare-down node/alpha-2 --powered-off --reason burnt');
    expect(postsHeard().map(({ body }) => body)).toEqual([
      { poweredOff: false, reason: 'burnt' },
      { poweredOff: true, reason: 'burnt' },
    ]);
  });
});

it('--show-request prints each call on stderr, without the token', async () => {
  await given({ 'POST /v1/automation/halt': { operation: operation('succeeded') } });
  const { err } = await cli('halt alpha --reason r --idempotency-key k1 --show-request', {
    env: { HOLDFAST_TOKEN: 's3cret' },
  });
  expect(err).toBe(`\
> POST ${gateway.url}/v1/automation/halt
> content-type: application/json
> idempotency-key: k1
> {"scope":"alpha","reason":"r"}
`);
  expect(gateway.heard[0]?.token).toBe('Bearer s3cret');
});

it('the faulty fields of a request are named one by one', async () => {
  await given({
    'POST /v1/automation/halt': [
      400,
      { code: 'INVALID_REQUEST', detail: 'd', remedy: 'r', errors: [{ pointer: '/scope', message: 'a name' }] },
    ],
  });
  expect((await cli('halt X --reason r')).err).toContain('\n          /scope: a name\n');
});
