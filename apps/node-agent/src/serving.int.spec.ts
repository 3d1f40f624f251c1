import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeNextOpen, TestCluster, until, type TestNode } from './fixture';
import { makeClaim } from './claims';
import { daemonsBelow, isAlive } from './process-identity';

describe('serving, on real daemons', () => {
  let cluster: TestCluster;
  let n1: TestNode;
  let n2: TestNode;

  beforeEach(async () => {
    cluster = new TestCluster();
    n1 = await cluster.node(1);
    n2 = await cluster.node(2);
  });
  afterEach(() => cluster.clear());

  const block = (fill: number) => Buffer.alloc(4096, fill);
  const claims = () => readdirSync(join(cluster.systemFolder(), 'claims')).sort();

  it('creates, claims, opens, exports and tells the exports', async () => {
    await n1.serve(1, { create: true });
    expect(n1.lastTold()).toMatchObject({
      type: 'TaskTaken',
      data: { taskId: 'serve-s1', epoch: 1, nodeId: 'n1', exports: [{ volumeId: 'v1' }, { volumeId: 'v2' }] },
    });
    const nbd = await n1.connect();
    await nbd.write(0, block(7));
    expect((await nbd.read(0, 4096)).equals(block(7))).toBe(true);
    nbd.close();
    expect(claims()).toEqual(['1.json']);
  });

  it('declines where there is no chain and none may be made: MEDIUM_INVALID, and no folder appears', async () => {
    await n1.serve(1);
    expect(n1.lastTold()).toMatchObject({ type: 'TaskDeclined', data: { code: 'MEDIUM_INVALID' } });
    expect(existsSync(cluster.systemFolder())).toBe(false);
  });

  it('declines where a listed layer is missing, and opens nothing', async () => {
    await n1.serve(1, { create: true });
    await n1.serving.recall({ taskId: 'serve-s1', systemId: 's1', epoch: 1 });
    unlinkSync(join(cluster.systemFolder(), 'v2.1.e1.qcow2'));
    await n2.serve(2);
    expect(n2.lastTold()).toMatchObject({ type: 'TaskDeclined', data: { code: 'MEDIUM_INVALID' } });
    expect([daemonsBelow(n2.runFolder), readdirSync(n2.runFolder)]).toEqual([[], []]);
  });

  it('calls no engine dead for an image that it cannot open, nor for one that it cannot open again', async () => {
    const layer = join(cluster.systemFolder(), 'v2.1.e1.qcow2');
    await n1.serve(1, { create: true });
    const { identity } = n1.serving.held()[0]!.daemon;
    writeFileSync(layer, 'no image', { flag: 'r+' });
    process.kill(identity.pid, 'SIGKILL');
    expect(await n1.untilTold('TaskFaulted')).toMatchObject({ data: { code: 'ENGINE_DOWN' } });
    await n2.serve(2);
    expect(n2.lastTold()).toMatchObject({ type: 'TaskDeclined', data: { code: 'ENGINE_DOWN' } });
    expect([n1.serving.engineDown, n2.serving.engineDown]).toEqual([false, false]);
  });

  it('declines where the list is damaged', async () => {
    mkdirSync(cluster.systemFolder());
    writeFileSync(join(cluster.systemFolder(), 'chain.json'), '{"volumes":[');
    await n1.serve(1, { create: true });
    expect(n1.lastTold()).toMatchObject({ type: 'TaskDeclined', data: { code: 'MEDIUM_INVALID' } });
  });

  it('says TaskTaken again for an order at the epoch that it serves at', async () => {
    await n1.serve(1, { create: true });
    const pid = n1.daemonPid();
    await n1.serve(1);
    expect(n1.told().map(({ type }) => type)).toEqual(['TaskTaken', 'TaskTaken']);
    expect(n1.daemonPid()).toBe(pid);
  });

  it('declines an epoch lower than known, and says that the store went back', async () => {
    await n1.serve(5, { create: true });
    await n1.serve(4);
    expect(n1.told().slice(1)).toMatchObject([
      { type: 'EpochAheadFound', data: { route: 'serve-s1', highestEpoch: 5, by: 'journal' } },
      { type: 'TaskDeclined', data: { code: 'STALE_EPOCH', epoch: 4, highestEpoch: 5 } },
    ]);
  });

  it('only counts an order for an older incarnation', async () => {
    await n1.serve(3, { create: true, nodeIncarnation: '00000000-0000-4000-8000-000000000000' });
    expect(n1.told()).toEqual([]);
    expect(n1.journal.state.epochs.get('serve-s1')).toBe(3);
  });

  it('declines while no watchdog watches, and keeps in its journal what runs on: the next agent adopts it', async () => {
    await n1.serve(1, { create: true });
    n1.watchdogAlive = false;
    await n1.serve(2);
    expect(n1.lastTold()).toMatchObject({ type: 'TaskDeclined', data: { code: 'WATCHDOG_DEAD', epoch: 2 } });
    await n1.die();
    const after = await cluster.node(1);
    expect(await after.adopt()).toEqual([{ systemId: 's1', epoch: 1 }]);
    expect(after.journal.state.epochs.get('serve-s1')).toBe(2);
  });

  it('declines below a higher claim, naming it', async () => {
    await n1.serve(3, { create: true });
    await n2.serve(2);
    expect(n2.lastTold()).toMatchObject({
      type: 'TaskDeclined',
      data: { code: 'STALE_EPOCH', claim: { epoch: 3, nodeId: 'n1' } },
    });
  });

  it('declines a released system at any epoch', async () => {
    await n1.serve(1, { create: true });
    await makeClaim(join(cluster.systemFolder(), 'claims'), { epoch: 2, nodeId: null, by: 'operation' });
    await n2.serve(9);
    expect(n2.lastTold()).toMatchObject({ type: 'TaskDeclined', data: { code: 'SYSTEM_RELEASED' } });
  });

  it('waits for the lock of a live daemon, says so after a second, and takes over when it is gone', async () => {
    await n1.serve(1, { create: true });
    const nbd = await n1.connect();
    await nbd.write(4096, block(3));
    process.kill(n1.daemonPid(), 'SIGSTOP'); // an owner asleep keeps its lock
    const taken = n2.serve(2);
    await n2.untilTold('TaskBlocked', ({ data }) => (data as { waitsFor: string }).waitsFor === 'mediumLock');
    const [{ daemon }] = n1.serving.held() as [ReturnType<typeof n1.serving.held>[0]];
    daemon.kill();
    await taken;
    const after = await n2.connect();
    expect((await after.read(4096, 4096)).equals(block(3))).toBe(true);
    after.close();
    await until(() => n1.log.some((line) => line.includes('STALE_EPOCH')));
    expect(n1.serving.held()).toEqual([]);
    await until(() => readdirSync(n1.runFolder).length === 0);
  });

  const pass = (epoch: number) =>
    makeClaim(join(cluster.systemFolder(), 'claims'), { epoch, nodeId: 'n3', by: 'serve-s1' });
  const passedBy = (epoch: number) => ({ type: 'TaskDeclined', data: { code: 'STALE_EPOCH', claim: { epoch } } });

  it('waits no longer for the lock once its claim is passed', async () => {
    await n1.serve(1, { create: true });
    const taken = n2.serve(2);
    await until(() => claims().includes('2.json'));
    await pass(3);
    await taken;
    expect(n2.lastTold()).toMatchObject(passedBy(3));
    expect(isAlive(n1.serving.held()[0]!.daemon.identity)).toBe(true);
  });

  it('reads the claim again once it has the lock: passed meanwhile, it serves nothing', async () => {
    await n1.serve(1, { create: true });
    await n1.serving.recall({ taskId: 'serve-s1', systemId: 's1', epoch: 1 });
    beforeNextOpen(() => pass(3));
    await n2.serve(2);
    expect(n2.lastTold()).toMatchObject(passedBy(3));
    expect(daemonsBelow(n2.runFolder)).toEqual([]);
  });

  it('lists nothing of what it created once its claim is passed', async () => {
    mkdirSync(join(cluster.systemFolder(), 'claims'), { recursive: true });
    const sleeper = await cluster.sleepInLock();
    const taken = n1.serve(1, { create: true });
    await n1.untilTold('TaskBlocked');
    await pass(2);
    sleeper.wake();
    await taken;
    expect(n1.lastTold()).toMatchObject(passedBy(2));
    expect(existsSync(join(cluster.systemFolder(), 'chain.json'))).toBe(false);
  });

  it('waits for an address that is in use, says so, and takes it when it is free', async () => {
    const other = await cluster.node(3);
    await other.serve(1, { create: true, systemId: 's2' });
    const folder = join(cluster.root, 'n3');
    expect(existsSync(folder)).toBe(true);
    const sameAddress = n1.serving as unknown as { parts: { node: { addressOf(): string } } };
    sameAddress.parts.node.addressOf = () => cluster.address(3);
    const taken = n1.serve(1, { create: true });
    await n1.untilTold('TaskBlocked', ({ data }) => (data as { waitsFor: string }).waitsFor === 'address');
    await other.serving.recall({ taskId: 'serve-s2', systemId: 's2', epoch: 1 });
    await taken;
    expect(n1.lastTold()?.type).toBe('TaskTaken');
  });

  it('calls off an attempt that waits when a newer order arrives', async () => {
    await n1.serve(1, { create: true });
    process.kill(n1.daemonPid(), 'SIGSTOP');
    const first = n2.serve(2);
    await n2.untilTold('TaskBlocked');
    const second = n2.serve(3);
    await first;
    n1.serving.held()[0]!.daemon.kill();
    await second;
    expect(n2.lastTold()).toMatchObject({ type: 'TaskTaken', data: { epoch: 3 } });
  });

  it('serves again in place when its daemon is killed, and loses nothing acknowledged', async () => {
    await n1.serve(1, { create: true });
    const nbd = await n1.connect();
    for (let i = 0; i < 200; i++) await nbd.write(i * 4096, block(i));
    process.kill(n1.daemonPid(), 'SIGKILL');
    await until(async () =>
      n1.connect().then(
        (again) => (again.close(), true),
        () => false,
      ),
    );
    const again = await n1.connect();
    for (let i = 0; i < 200; i++) expect((await again.read(i * 4096, 4096)).equals(block(i))).toBe(true);
    again.close();
    expect(n1.told().map(({ type }) => type)).toEqual(['TaskTaken']);
  });

  it('reports ENGINE_DOWN at the third death within a minute', async () => {
    await n1.serve(1, { create: true });
    for (let death = 1; death <= 3; death++) {
      const { identity } = n1.serving.held()[0]!.daemon;
      process.kill(identity.pid, 'SIGKILL');
      await until(() => !isAlive(identity));
      const another = () => n1.serving.held()[0]?.daemon.identity ?? identity;
      if (death < 3) await until(() => another().pid !== identity.pid);
    }
    expect(await n1.untilTold('TaskFaulted')).toMatchObject({ data: { code: 'ENGINE_DOWN', errorClass: 'node' } });
    expect(n1.serving.engineDown).toBe(true);
  });

  it('stops as planned, tells it, and the next epoch opens elsewhere', async () => {
    await n1.serve(1, { create: true });
    const nbd = await n1.connect('v2');
    await nbd.write(0, block(9));
    await n1.serving.recall({ taskId: 'serve-s1', systemId: 's1', epoch: 1 });
    expect(n1.lastTold()?.type).toBe('TaskStopped');
    expect(readdirSync(n1.runFolder)).toEqual([]);
    await expect(n1.connect()).rejects.toMatchObject({ code: 'NBD_UNREACHABLE' });
    await n2.serve(2);
    const after = await n2.connect('v2');
    expect((await after.read(0, 4096)).equals(block(9))).toBe(true);
    after.close();
  });

  it('keeps what an earlier creation listed, and removes what came to nothing before it', async () => {
    await n1.serve(1, { create: true });
    await n1.serving.recall({ taskId: 'serve-s1', systemId: 's1', epoch: 1 });
    const chain = readFileSync(join(cluster.systemFolder(), 'chain.json'), 'utf8');
    await n2.serve(2, { create: true });
    expect(readFileSync(join(cluster.systemFolder(), 'chain.json'), 'utf8')).toBe(chain);

    // A creation that died before it listed anything: its images are nobody's.
    await n2.serving.recall({ taskId: 'serve-s1', systemId: 's1', epoch: 2 });
    rmSync(join(cluster.systemFolder(), 'chain.json'));
    const ofLater = join(cluster.systemFolder(), 'v1.1.e4.qcow2'); // a later one is being made at this moment
    writeFileSync(ofLater, '');
    await n1.serve(3, { create: true });
    expect(existsSync(ofLater)).toBe(true);
    rmSync(ofLater);
    const layers = readdirSync(cluster.systemFolder()).filter((name) => name.endsWith('.qcow2'));
    expect(layers.sort()).toEqual(['probe.qcow2', 'v1.1.e3.qcow2', 'v2.1.e3.qcow2']);
  });
});
