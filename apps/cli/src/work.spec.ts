import { listOf, NOW, operation, runCli, scriptedGateway, type Answer } from './scripted-gateway';

const MIB = 1_048_576;
const MANIFEST = '4be1'.repeat(16);
const backupOf = (pointId: string) => ({ backupId: `s1/${pointId}`, systemId: 's1', pointId });
const asked = (state: string, more: object = {}) =>
  operation(state, { kind: 'TaskRequested', subject: 'task/t-1', ...more });
const snapshot = (more: object = {}) => ({
  taskId: 't-1',
  clusterId: 'alpha',
  kind: 'snapshot',
  subject: 'system/s1',
  nodeId: 'alpha-2',
  epoch: 1,
  state: 'running',
  since: '2026-03-01T10:44:58.000Z',
  reason: null,
  doneBytes: 48 * MIB,
  totalBytes: 128 * MIB,
  bytesPerSec: 8 * MIB,
  lastOwners: ['alpha-2'],
  result: null,
  ...more,
});
const completed = snapshot({
  state: 'completed',
  doneBytes: 128 * MIB,
  result: { manifest: MANIFEST, volumes: [], pieces: 6, bytes: 96 * MIB },
});
let gateway: Awaited<ReturnType<typeof scriptedGateway>>;
const given = async (script: Record<string, Answer | ((body: unknown) => Answer)>) => {
  gateway = await scriptedGateway(script);
};
afterEach(() => gateway.stop());
const cli = (typed: string, world = {}) => runCli(`${typed} --url ${gateway.url}`, world);
const lastPost = () => gateway.heard.filter(({ request }) => request.startsWith('POST')).at(-1);
const path = `GET /v1/operations/${operation('running').id}`;
const s1 = { 'GET /v1/systems/s1': { systemId: 's1' } };

describe('task submit', () => {
  it('asks for a snapshot of a system at a rate, and returns once it is admitted', async () => {
    let looks = 0;
    await given({
      ...s1,
      'POST /v1/tasks': [202, { operation: asked('queued') }],
      [path]: () => asked(++looks < 2 ? 'queued' : 'running'),
    });
    const { out, code } = await cli('task submit snapshot --system s1 --point nightly --rate 4MiB');
    expect(lastPost()?.body).toEqual({ kind: 'snapshot', systemId: 's1', pointId: 'nightly', bytesPerSec: 4 * MIB });
    expect(out).toBe(
      `task/t-1: TaskRequested running; follow it: holdfast wait operation/${operation('running').id} --for succeeded\n`,
    );
    expect(code).toBe(0);
  });

  it('answers a script with the id of the task first', async () => {
    await given({ ...s1, 'POST /v1/tasks': [202, { operation: asked('running') }] });
    const { out } = await cli('task submit snapshot --system s1 -o json');
    expect(JSON.parse(out)).toEqual({ taskId: 't-1', ...asked('running') });
    expect(out).toMatch(/^{\n {2}"taskId"/);
  });

  it('asks for a scrub of a backup, found by the beginning of its point', async () => {
    await given({
      'GET /v1/backups': listOf([backupOf('p-3f'), backupOf('p-9a')]),
      'POST /v1/tasks': [202, { operation: asked('running') }],
    });
    await cli('task submit scrub --backup s1/p-3');
    expect(lastPost()?.body).toEqual({ kind: 'scrub', systemId: 's1', pointId: 'p-3f' });
  });

  it('leaves it to the load-balancer to know the kinds', async () => {
    const reason = { code: 'UNKNOWN_KIND', text: 'no such kind of task', remedy: 'ask for a snapshot or a scrub' };
    await given({
      ...s1,
      'POST /v1/tasks': [202, { operation: asked('queued') }],
      [path]: asked('refused', { reason }),
    });
    expect(await cli('task submit polish --system s1')).toEqual({
      code: 3,
      out: '',
      err: 'error     UNKNOWN_KIND  TaskRequested task/t-1: no such kind of task\nremedy    ask for a snapshot or a scrub\n',
    });
  });

  it.each(['snapshot', 'scrub --system s1 --backup s1/p-1', 'scrub --backup s1/p-1 --point p-1'])(
    '%s is wrong usage: it is not clear what to work on',
    async (typed) => {
      await given({});
      expect((await cli(`task submit ${typed}`)).code).toBe(2);
    },
  );

  it('a scrub of a system is wrong usage: it is told to name the backup', async () => {
    await given(s1);
    const { code, err } = await cli('task submit scrub --system s1');
    expect(code).toBe(2);
    expect(err).toContain('--backup <system>/<pointId>');
    expect(lastPost()).toBeUndefined();
  });

  it('of a system that is not there exits 8 and asks for nothing', async () => {
    await given({ 'GET /v1/systems': listOf([]) });
    expect((await cli('task submit snapshot --system nope')).code).toBe(8);
    expect(lastPost()).toBeUndefined();
  });

  it('waited for says what was made', async () => {
    await given({
      ...s1,
      'POST /v1/tasks': [202, { operation: asked('queued') }],
      [path]: asked('succeeded'),
      'GET /v1/tasks/t-1': completed,
    });
    expect((await cli('task submit snapshot --system s1 --wait')).out).toBe(
      `task/t-1: snapshot of system/s1 completed: 96 MiB in 6 pieces, manifest ${MANIFEST}, in 1.3 s\n`,
    );
  });

  it.each([
    [{ damagedPieces: 0, damaged: [] }, 'found all 6 pieces clean in 1.3 s'],
    [
      { damagedPieces: 2, damaged: [{ volumeId: 'v1', piece: 2 }, { volumeId: 'v2', piece: 0 }] }, // prettier-ignore
      'found 2 of 6 pieces damaged: v1.2, v2.0; in 1.3 s',
    ],
    [
      { damagedPieces: 1, damaged: [], manifest: 'cd34' },
      'found a manifest that is missing or not the one that was made; in 1.3 s',
    ],
  ])('of a scrub says what it found: %j', async (found, told) => {
    await given({
      'GET /v1/backups/s1/p-1': backupOf('p-1'),
      'POST /v1/tasks': [202, { operation: asked('succeeded') }],
      'GET /v1/tasks/t-1': snapshot({ kind: 'scrub', subject: 'backup/s1/p-1', result: { pieces: 6, ...found } }),
    });
    const { out } = await cli('task submit scrub --backup s1/p-1');
    expect(out).toBe(`task/t-1: scrub of backup/s1/p-1 ${told}\n`);
  });

  it('that is parked ends a wait: a person has to look', async () => {
    const reason = { code: 'MEDIUM_READ', text: 'parked after 5 attempts', remedy: 'holdfast task retry t-1' };
    await given({
      ...s1,
      'POST /v1/tasks': [202, { operation: asked('queued') }],
      [path]: asked('waiting', { reason }),
    });
    const { code, err } = await cli('task submit snapshot --system s1 --wait');
    expect(code).toBe(3);
    expect(err).toContain('error     MEDIUM_READ  TaskRequested task/t-1: parked after 5 attempts');
  });
});

describe('task submit --watch', () => {
  const moved = { nodeId: 'alpha-3', epoch: 2, doneBytes: 96 * MIB, bytesPerSec: null };
  const watched = async () => {
    const steps = [
      snapshot({ doneBytes: null, state: 'freezing', nodeId: null }),
      snapshot(),
      snapshot(),
      snapshot(moved),
    ];
    let looks = 0;
    await given({
      ...s1,
      'POST /v1/tasks': [202, { operation: asked('queued') }],
      [path]: () => asked(++looks < 5 ? 'running' : 'succeeded'),
      'GET /v1/tasks/t-1': () => (looks === 0 ? [404, { code: 'NOT_FOUND' }] : (steps.shift() ?? completed)),
    });
  };

  it('tells each change in a line of its own where nobody looks at a terminal', async () => {
    await watched();
    expect((await cli('task submit snapshot --system s1 --watch')).out).toBe(`\
task/t-1: TaskRequested queued
task/t-1: snapshot of system/s1 freezing
task/t-1: snapshot of system/s1 running on alpha-2, epoch 1: 48 of 128 MiB  37 %  8 MiB/s  about 10 s left
task/t-1: snapshot of system/s1 running on alpha-3, epoch 2: 96 of 128 MiB  75 %
task/t-1: snapshot of system/s1 completed: 96 MiB in 6 pieces, manifest ${MANIFEST}, in 1.3 s
`);
  });

  it('writes over the bytes done on a terminal, in a line that fits, and keeps where they were done', async () => {
    await watched();
    const clear = '\r\x1b[2K';
    const { out } = await cli('task submit snapshot --system s1 --watch', { terminal: true, columns: 40 });
    expect(out.split('manifest')[0]).toBe(
      'task/t-1: TaskRequested queued\n' +
        'task/t-1: snapshot of system/s1 freezing\n' +
        'task/t-1: snapshot of system/s1 running on alpha-2, epoch 1\n' +
        `${clear}  48 of 128 MiB  37 %  8 MiB/s  about 1` +
        `${clear}task/t-1: snapshot of system/s1 running on alpha-3, epoch 2\n` +
        `${clear}  96 of 128 MiB  75 %${clear}` +
        'task/t-1: snapshot of system/s1 completed: 96 MiB in 6 pieces, ',
    );
  });

  it('is one JSON line for each change, with the task and without the age of the answer', async () => {
    await watched();
    const { out } = await cli('task submit snapshot --system s1 --watch -o json');
    const lines = out.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
    expect(lines.map(({ taskId, state }) => [taskId, state])).toEqual([
      ['t-1', 'queued'],
      ['t-1', 'running'],
      ['t-1', 'running'],
      ['t-1', 'running'],
      ['t-1', 'succeeded'],
    ]);
    expect(lines.map(({ task }) => (task as { nodeId: string } | undefined)?.nodeId)).toEqual([
      undefined,
      null,
      'alpha-2',
      'alpha-3',
      undefined,
    ]);
  });

  it('left by Ctrl-C exits 130 and says how to follow what goes on', async () => {
    const interrupt = new AbortController();
    await given({
      ...s1,
      'POST /v1/tasks': [202, { operation: asked('queued') }],
      [path]: asked('running'),
      'GET /v1/tasks/t-1': snapshot(),
    });
    const out = () => interrupt.abort();
    const { code, err } = await cli('task submit snapshot --system s1 --watch', { out, interrupted: interrupt.signal });
    expect(code).toBe(130);
    expect(err).toContain('error     INTERRUPTED  task/t-1: left before its end; the request stands');
  });
});

describe('task', () => {
  it.each([
    ['move t-1', 'move', {}],
    ['move task/t-1 --to alpha-3', 'move', { toNodeId: 'alpha-3' }],
    ['cancel t-1', 'cancel', {}],
    ['retry t-1', 'retry', {}],
  ])('%s', async (typed, verb, body) => {
    const ended = operation('succeeded', { kind: 'TaskMoveRequested', subject: 'task/t-1' });
    await given({
      'GET /v1/tasks/t-1': snapshot(),
      'GET /v1/nodes/alpha-3': { nodeId: 'alpha-3' },
      [`POST /v1/tasks/t-1/${verb}`]: [202, { operation: ended }],
    });
    expect(await cli(`task ${typed}`)).toMatchObject({
      code: 0,
      out: 'task/t-1: TaskMoveRequested succeeded in 1.3 s\n',
    });
    expect(lastPost()?.body).toEqual(body);
  });

  it('is found by the beginning of its id among background and serve tasks', async () => {
    await given({
      'GET /v1/tasks?limit=500': listOf([snapshot()]),
      'GET /v1/tasks?limit=500&kind=serve': listOf([{ taskId: 'serve-s1' }]),
      'GET /v1/tasks/serve-s1/why': { headline: 'served by alpha-1', lines: [] },
      'GET /v1/tasks/t-1/why': { headline: 'runs on alpha-2', lines: [] },
    });
    expect((await cli('why task/t-')).out).toBe('runs on alpha-2\n');
    expect((await cli('why task/serve')).out).toBe('served by alpha-1\n');
  });

  it('is listed with what is done of it; --state picks', async () => {
    await given({ 'GET /v1/tasks': listOf([snapshot(), { ...completed, taskId: 't-2' }]) });
    expect((await cli('get tasks --state running')).out).toBe(
      `\
TASK  KIND      SUBJECT    NODE     EPOCH  STATE    SINCE  DONE
t-1   snapshot  system/s1  alpha-2  1      running  2.0 s  37 %
`,
    );
    expect((await cli('get tasks --status completed -o name')).out).toBe('task/t-2\n');
  });
});

it('the hour that bytes may take is the longest wait, unless one is given', async () => {
  await given({ ...s1, 'POST /v1/tasks': [202, { operation: asked('queued') }], [path]: asked('running') });
  let now = NOW;
  const world = { now: () => (now += 600_000) };
  expect((await cli('task submit snapshot --system s1 --wait', world)).err).toContain('not done in 1 h');
  expect((await cli('task submit snapshot --system s1 --wait --timeout 20m', world)).err).toContain('not done in 20 m');
});
