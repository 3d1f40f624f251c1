import { operation, runCli, scriptedGateway, type Answer } from './scripted-gateway';

const MIB = 1_048_576;
const step = (does: string, more: object = {}) => ({
  does,
  taskId: 't-1',
  kind: 'snapshot',
  subject: 'system/s1',
  fromNodeId: 'alpha-3',
  toNodeId: 'alpha-1',
  reconnects: false,
  ...more,
});
const plan = (planDigest: string, more: object = {}) => ({
  planDigest,
  steps: [step('recall'), step('move', { taskId: 'serve-s2', kind: 'serve', subject: 'system/s2', reconnects: true })],
  findings: [
    {
      code: 'RECONNECTS',
      severity: 'info',
      subject: 'system/s2',
      text: 'its clients connect anew, once',
      remedy: 'drain when that does least harm',
    },
  ],
  more: 0,
  reconnects: 1,
  shortfall: 0,
  maxOverFair: { now: 1, after: 1.5 },
  ...more,
});
const planned = (result: object) =>
  operation('planned', {
    kind: 'NodeDrainRequested',
    subject: 'node/alpha-3',
    result: { ...result, expiresAt: '2026-03-01T10:55:00.000Z' },
  });

let gateway: Awaited<ReturnType<typeof scriptedGateway>>;
const given = async (script: Record<string, Answer | ((body: unknown) => Answer)>) => {
  gateway = await scriptedGateway({
    'GET /v1/nodes/alpha-3': { nodeId: 'alpha-3', clusterId: 'alpha' },
    'GET /v1/clusters/alpha': { clusterId: 'alpha' },
    ...script,
  });
};
afterEach(() => gateway.stop());
const cli = (typed: string, world = {}) => runCli(`${typed} --url ${gateway.url}`, world);
const lastPost = () => gateway.heard.filter(({ request }) => request.startsWith('POST')).at(-1);
const path = `GET /v1/operations/${operation('running').id}`;

describe('plan', () => {
  it('drain shows each step, what is to be known first, and the command that applies it', async () => {
    await given({
      'POST /v1/nodes/alpha-3/drain?dryRun=true': [202, { operation: operation('queued') }],
      [path]: planned(plan('9f1c')),
    });
    expect(await cli('plan drain alpha-3')).toEqual({
      code: 0,
      err: '',
      out: `\
DOES    KIND      SUBJECT    FROM     TO       CLIENTS
recall  snapshot  system/s1  alpha-3  alpha-1  -
move    serve     system/s2  alpha-3  alpha-1  reconnect once

info      RECONNECTS  system/s2: its clients connect anew, once
remedy    drain when that does least harm

load      1 reconnect; fullest node 1.00 × its fair share now, 1.50 × after
plan      9f1c
apply     holdfast drain alpha-3 --plan 9f1c --watch
expires   in 10 m
`,
    });
    expect(lastPost()?.body).toEqual({ action: 'start', deadlineMs: 600_000, force: false });
  });

  it('tells what would wait, for which rules, and how much room is missing', async () => {
    const waits = step('wait', { toNodeId: null, blockedBy: { down: 1, draining: 1 } });
    await given({
      'POST /v1/clusters/alpha/placement-plans': [
        202,
        {
          operation: planned(plan('77', { steps: [waits], findings: [], reconnects: 0, shortfall: 8 * MIB, more: 3 })),
        },
      ],
    });
    expect((await cli('plan loss node/alpha-3')).out).toBe(`\
DOES  KIND      SUBJECT    FROM     TO  CLIENTS  WAITS FOR
wait  snapshot  system/s1  alpha-3  -   -        1 down, 1 draining
and 3 more steps

load      0 reconnects; fullest node 1.00 × its fair share now, 1.50 × after; no room for 8 MiB/s
plan      77
`);
    expect(lastPost()?.body).toEqual({ change: { type: 'loss', nodeId: 'alpha-3' } });
  });

  it('join asks what one more node like another would take over', async () => {
    await given({
      'POST /v1/clusters/alpha/placement-plans': [202, { operation: planned(plan('5', { steps: [], findings: [] })) }],
    });
    const { out } = await cli('plan join alpha --like alpha-3');
    expect(out).toMatch(/^nothing would move\n/);
    expect(lastPost()?.body).toEqual({ change: { type: 'join', likeNodeId: 'alpha-3' } });
  });

  it('rebalance asks for a dry run', async () => {
    await given({ 'POST /v1/clusters/alpha/rebalance?dryRun=true': [202, { operation: planned(plan('6')) }] });
    expect((await cli('plan rebalance alpha')).out).toContain('apply     holdfast rebalance alpha --plan 6 --watch\n');
  });

  it('that would move nothing has no command, unless it empties a node that is empty', async () => {
    const nothing = planned(plan('7', { steps: [], findings: [] }));
    await given({
      'POST /v1/clusters/alpha/rebalance?dryRun=true': [202, { operation: nothing }],
      'POST /v1/nodes/alpha-3/drain?dryRun=true': [202, { operation: nothing }],
    });
    expect((await cli('plan rebalance alpha')).out).not.toContain('apply');
    expect((await cli('plan drain alpha-3')).out).toContain('apply     holdfast drain alpha-3 --plan 7 --watch\n');
  });

  it.each([
    ['CAPACITY_SHORT', '', false],
    ['CAPACITY_SHORT', ' --force', true],
    ['ONLY_NODE_WITH_MEDIUM', ' --force', false],
  ])('that finds %s%s has a command: %p', async (code, force, hasCommand) => {
    const finding = { severity: 'error', code, subject: 'system/s1', text: 'x' };
    const operation = planned(plan('8', { findings: [finding] }));
    await given({ 'POST /v1/nodes/alpha-3/drain?dryRun=true': [202, { operation }] });
    expect((await cli(`plan drain alpha-3${force}`)).out.includes('apply')).toBe(hasCommand);
  });

  it('is applied with the deadline that it was made for', async () => {
    await given({ 'POST /v1/nodes/alpha-3/drain?dryRun=true': [202, { operation: planned(plan('9f1c')) }] });
    const { out } = await cli('plan drain alpha-3 --deadline 3m --force');
    expect(out).toContain('apply     holdfast drain alpha-3 --plan 9f1c --deadline 180000ms --force --watch\n');
  });

  it('is the plan itself with -o json', async () => {
    await given({ 'POST /v1/nodes/alpha-3/drain?dryRun=true': [202, { operation: planned(plan('9f1c')) }] });
    const { out } = await cli('plan drain alpha-3 -o json');
    expect(JSON.parse(out)).toEqual({ ...plan('9f1c'), expiresAt: '2026-03-01T10:55:00.000Z' });
  });

  it('that nobody answers says how to wait for it: planned is how it ends', async () => {
    await given({
      'POST /v1/nodes/alpha-3/drain?dryRun=true': [202, { operation: operation('queued') }],
      [path]: operation('queued'),
    });
    let now = 0;
    const { code, err } = await cli('plan drain alpha-3 --timeout 2s', { now: () => (now += 500) });
    expect(code).toBe(7);
    expect(err).toContain(`holdfast wait operation/${operation('queued').id} --for planned --timeout 5m`);
  });

  it('that is refused exits 3', async () => {
    const reason = { code: 'NODE_NOT_OPEN', text: 'the node is not open', remedy: 'see `holdfast why node/<id>`' };
    await given({
      'POST /v1/nodes/alpha-3/drain?dryRun=true': [202, { operation: operation('refused', { reason }) }],
    });
    expect((await cli('plan drain alpha-3')).code).toBe(3);
  });
});

describe('drain', () => {
  it('sends the plan that it is to be, and returns once it has begun', async () => {
    await given({
      'POST /v1/nodes/alpha-3/drain': [202, { operation: operation('queued') }],
      [path]: operation('running', { kind: 'NodeDrainRequested', subject: 'node/alpha-3' }),
    });
    const { out, code } = await cli('drain alpha-3 --plan 9f1c --deadline 3m --force');
    expect(lastPost()?.body).toEqual({ action: 'start', deadlineMs: 180_000, force: true, planDigest: '9f1c' });
    expect(out).toContain('node/alpha-3: NodeDrainRequested running; follow it: holdfast wait operation/');
    expect(code).toBe(0);
  });

  it('watched counts what has left', async () => {
    const running = (done: number) =>
      operation('running', {
        kind: 'NodeDrainRequested',
        subject: 'node/alpha-3',
        progress: { done, total: 2, unit: 'tasks', perSec: null, etaSec: null },
      });
    const steps = [running(0), running(1), running(1)];
    await given({
      'POST /v1/nodes/alpha-3/drain': [202, { operation: running(0) }],
      [path]: () => steps.shift() ?? { ...operation('succeeded'), kind: 'NodeDrainRequested', subject: 'node/alpha-3' },
    });
    expect((await cli('drain alpha-3 --watch')).out).toBe(`\
node/alpha-3: NodeDrainRequested running, 0 of 2 tasks
node/alpha-3: NodeDrainRequested running, 1 of 2 tasks
node/alpha-3: NodeDrainRequested succeeded in 1.3 s
`);
  });

  it('that is overdue ends a watch: a person decides', async () => {
    const reason = { code: 'DRAIN_OVERDUE', text: '1 task is left', remedy: 'extend, stop or force it' };
    await given({
      'POST /v1/nodes/alpha-3/drain': [202, { operation: operation('queued') }],
      [path]: operation('waiting', { reason }),
    });
    const { code, err } = await cli('drain alpha-3 --watch');
    expect(code).toBe(3);
    expect(err).toContain('remedy    extend, stop or force it');
  });

  it('--stop lets the node be used again', async () => {
    await given({ 'POST /v1/nodes/alpha-3/drain': [202, { operation: operation('succeeded') }] });
    await cli('drain alpha-3 --stop');
    expect(lastPost()?.body).toEqual({ action: 'stop' });
  });

  it('by a plan that is out of date exits 6 and shows both', async () => {
    const reason = { code: 'PLAN_CHANGED', text: 'the fleet has changed since this plan', remedy: 'plan again' };
    const result = {
      asked: plan('9f1c', { findings: [] }),
      now: plan('aa02', { steps: [step('recall')], findings: [] }),
    };
    await given({
      'POST /v1/nodes/alpha-3/drain': [202, { operation: operation('queued') }],
      [path]: operation('refused', { kind: 'NodeDrainRequested', subject: 'node/alpha-3', reason, result }),
    });
    expect(await cli('drain alpha-3 --plan 9f1c')).toEqual({
      code: 6,
      out: '',
      err: `\
asked for (9f1c)
DOES    KIND      SUBJECT    FROM     TO       CLIENTS
recall  snapshot  system/s1  alpha-3  alpha-1  -
move    serve     system/s2  alpha-3  alpha-1  reconnect once

load      1 reconnect; fullest node 1.00 × its fair share now, 1.50 × after

now (aa02)
DOES    KIND      SUBJECT    FROM     TO       CLIENTS
recall  snapshot  system/s1  alpha-3  alpha-1  -

load      1 reconnect; fullest node 1.00 × its fair share now, 1.50 × after

error     PLAN_CHANGED  NodeDrainRequested node/alpha-3: the fleet has changed since this plan
remedy    plan again
`,
    });
  });

  it('by a plan that nobody remembers shows what it would be now', async () => {
    const reason = { code: 'PLAN_CHANGED', text: 'changed', remedy: 'plan again' };
    await given({
      'POST /v1/nodes/alpha-3/drain': [202, { operation: operation('refused', { reason, result: { asked: null, now: plan('aa02') } }) }], // prettier-ignore
    });
    const { code, err } = await cli('drain alpha-3 --plan zz');
    expect(code).toBe(6);
    expect(err).toContain('asked for: not known any more\n\nnow (aa02)\n');
  });

  it('by a plan that is too old exits 3: plan again', async () => {
    await given({
      'POST /v1/nodes/alpha-3/drain': [409, { code: 'PLAN_EXPIRED', detail: 'too old', remedy: 'plan again' }],
    });
    expect((await cli('drain alpha-3 --plan 9f1c')).code).toBe(3);
  });
});

it('rebalance sends the plan that it is to be', async () => {
  await given({ 'POST /v1/clusters/alpha/rebalance': [202, { operation: operation('running') }] });
  await cli('rebalance alpha --plan 6');
  expect(lastPost()?.body).toEqual({ planDigest: '6' });
});

describe('maintenance', () => {
  it('start says for how long and why, and whether the node is emptied first', async () => {
    await given({ 'POST /v1/nodes/alpha-3/maintenance': [202, { operation: operation('succeeded') }] });
    await cli('maintenance start alpha-3 --for 2h --reason "new fans" --drain');
    expect(lastPost()?.body).toEqual({ action: 'start', forMs: 7_200_000, drain: true, reason: 'new fans' });
  });

  it('end needs nothing more', async () => {
    await given({ 'POST /v1/nodes/alpha-3/maintenance': [202, { operation: operation('succeeded') }] });
    await cli('maintenance end node/alpha-3');
    expect(lastPost()?.body).toEqual({ action: 'end' });
  });

  it.each(['start alpha-3 --for 2h', 'start alpha-3 --reason x', 'start alpha-3 --for soon --reason x'])(
    '%s is wrong usage',
    async (typed) => {
      await given({});
      expect((await cli(`maintenance ${typed}`)).code).toBe(2);
    },
  );
});
