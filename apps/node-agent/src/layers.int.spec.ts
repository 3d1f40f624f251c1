import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until, type TestNode } from './fixture';
import { LayeredSystem } from './layered-system.fixture';

jest.setTimeout(30_000);

describe('points of a served system', () => {
  let system: LayeredSystem;
  let n1: TestNode;
  let n2: TestNode;
  beforeEach(async () => {
    system = await LayeredSystem.create();
    [n1, n2] = system.nodes;
  });
  afterEach(() => system.clear());

  const refused = (code: string) => ({ type: 'PointRefused', data: { pointId: 'p1', code } });

  it('are frozen over all volumes, pinned, told with their files, and the next layer is made ready', async () => {
    await n1.freeze('p1');
    expect(n1.lastTold()).toMatchObject({
      type: 'PointFrozen',
      data: {
        ...{ taskId: 't1', systemId: 's1', epoch: 1, pointId: 'p1', k: 1 },
        volumes: [
          { volumeId: 'v1', files: ['v1.1.e1.qcow2'] },
          { volumeId: 'v2', files: ['v2.1.e1.qcow2'] },
        ],
      },
    });
    expect(system.chain()).toMatchObject({ points: [{ k: 1, pointId: 'p1' }], pins: [{ k: 1, by: 't1' }] });
    await system.untilReady(2);
  });

  it('leave no draft of a list that an agent died over', async () => {
    const draft = join(system.folder, '.draft-of-the-dead');
    writeFileSync(draft, '{}');
    await n1.freeze('p1');
    await until(() => !existsSync(draft));
  });

  it('are told again where the chain has them, pinned for whoever asks; nothing is frozen', async () => {
    await system.freezeTimes(n1, 2);
    await system.untilReady(3);
    await n1.freeze('p1', { taskId: 't9' });
    expect(n1.lastTold()).toMatchObject({ type: 'PointFrozen', data: { taskId: 't9', k: 1, frozenMs: 0 } });
    expect(system.pins()).toEqual(['t1', 't2', 't9']);
    expect(system.ks()).toEqual(['1,2,3,4', '1,2,3,4']);
  });

  it('are refused by whoever does not serve the system, or not at this epoch', async () => {
    await n2.freeze('p1');
    expect(n2.lastTold()).toMatchObject(refused('NOT_SERVED'));
    await n1.freeze('p1', { epoch: 2 });
    expect(n1.lastTold()).toMatchObject(refused('NOT_SERVED'));
    await n1.serve(2);
    await n1.freeze('p1', { epoch: 1 });
    expect(n1.lastTold()).toMatchObject(refused('STALE_EPOCH'));
  });

  it('are refused by a passed owner, who reads the claim again in the lock: nothing is listed or switched', async () => {
    process.kill(n1.daemonPid(), 'SIGSTOP');
    const taken = n2.serve(2);
    await n2.untilTold('TaskBlocked');
    const before = system.chain();
    await n1.freeze('p1');
    expect(n1.lastTold()).toMatchObject(refused('STALE_EPOCH'));
    expect(system.chain()).toEqual(before);
    n1.serving.held()[0]!.daemon.kill();
    await taken;
  });

  it('are refused while files are missing', async () => {
    const [volume] = system.chain().volumes;
    system.list({ ...system.chain(), volumes: [{ ...volume!, layers: [{ k: 1, file: 'gone.qcow2' }] }] });
    await n1.freeze('p1');
    expect(n1.lastTold()).toMatchObject(refused('MEDIUM_INVALID'));
  });

  it('wait for a sleeper in the lock, then are refused; clients notice nothing', async () => {
    const sleeper = await system.cluster.sleepInLock();
    const nbd = await n1.connect();
    const freezing = n1.freeze('p1');
    await nbd.write(0, Buffer.alloc(4096, 1));
    await freezing;
    expect(n1.lastTold()).toMatchObject(refused('CHAIN_LOCKED'));
    sleeper.wake();
    await n1.freeze('p1');
    expect(n1.lastTold()).toMatchObject({ type: 'PointFrozen' });
    nbd.close();
  });

  it('hold up no takeover while somebody sleeps in the lock', async () => {
    await n1.freeze('p1');
    await system.cluster.sleepInLock();
    await system.takeOver(n1, n2, 2);
    expect(n2.lastTold()).toMatchObject({ type: 'TaskTaken', data: { epoch: 2 } });
  });

  it('are unpinned when their task is over', async () => {
    await system.freezeTimes(n1, 2);
    system.over(n1, 1);
    await until(() => system.pins().join() === 't2');
  });

  it('are unpinned, but for open tasks, when serving begins at a new epoch', async () => {
    await system.freezeTimes(n1, 3);
    await n1.serving.recall({ taskId: 'serve-s1', systemId: 's1', epoch: 1 });
    await n2.serve(2, { pinnedBy: ['t2'] });
    await until(() => system.pins().join() === 't2');
    await n2.freeze('p9', { taskId: 't9', epoch: 2 });
    expect(system.pins()).toEqual(['t2', 't9']);
  });

  it('are unpinned when their task was over before serving began', async () => {
    await system.freezeTimes(n1, 2);
    process.kill(n1.daemonPid(), 'SIGSTOP');
    const taken = n2.serve(2, { pinnedBy: ['t1', 't2'] });
    await n2.untilTold('TaskBlocked');
    system.over(n2, 1);
    n1.serving.held()[0]!.daemon.kill();
    await taken;
    await until(() => system.pins().join() === 't2');
  });

  it('are unpinned, but for open tasks, when an agent that began anew is told again what it serves', async () => {
    await system.freezeTimes(n1, 2);
    await n1.die();
    const after = await system.cluster.node(1);
    await after.adopt();
    await after.serve(1, { pinnedBy: ['t1'], nodeIncarnation: null });
    expect(system.pins()).toEqual(['t1', 't2']);
    await after.serve(1, { pinnedBy: ['t2'] });
    await until(() => system.pins().join() === 't2');
  });
});

describe('a creation', () => {
  it('waits for a sleeper in the lock, and says so', async () => {
    const system = await LayeredSystem.create();
    const [, n2] = system.nodes;
    mkdirSync(system.cluster.systemFolder('s2'));
    const sleeper = await system.cluster.sleepInLock('s2');
    const taken = n2.serve(1, { create: true, systemId: 's2' });
    const { data } = await n2.untilTold('TaskBlocked');
    expect(data).toMatchObject({ taskId: 'serve-s2', waitsFor: 'chainLock' });
    sleeper.wake();
    await taken;
    expect(n2.lastTold()).toMatchObject({ type: 'TaskTaken', data: { taskId: 'serve-s2' } });
    await system.clear();
  });
});
