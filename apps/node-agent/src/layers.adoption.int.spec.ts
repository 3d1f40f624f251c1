import { join } from 'node:path';
import { createOverlays } from './chain';
import { ChainLock } from './chain-lock';
import { layerFile, withLayer } from './chain.rules';
import { beforeNextOpen, until, type TestNode } from './fixture';
import { addOverlay, fold, freezeAll } from './layer.driver';
import { LayeredSystem } from './layered-system.fixture';
import { endProcess, isAlive } from './process-identity';

jest.setTimeout(30_000);

describe('a system with many layers', () => {
  let system: LayeredSystem;
  let n1: TestNode;
  let n2: TestNode;
  beforeEach(async () => {
    system = await LayeredSystem.create();
    [n1, n2] = system.nodes;
  });
  afterEach(() => system.clear());

  const never = new AbortController().signal;
  const frozenAt = (k: number) => ({ type: 'PointFrozen', data: { k } });
  const adopted = async () => {
    const after = await system.cluster.node(1);
    expect(await after.adopt()).toEqual([{ systemId: 's1', epoch: 1 }]);
    return after;
  };

  it('is taken over after its node died: the layer listed last is the top, and nothing is lost', async () => {
    await system.freezeTimes(n1, 4);
    await system.untilReady(5);
    await system.takeOver(n1, n2, 2);
    await system.readsBack(n2, 4);
    await n2.freeze('p9', { epoch: 2 });
    expect(n2.lastTold()).toMatchObject(frozenAt(6));
    expect(
      system
        .chain()
        .volumes[0]!.layers.map(({ file }) => file)
        .slice(-2),
    ).toEqual(['v1.6.e1.qcow2', 'v1.7.e2.qcow2']);
  });

  it('is taken over with the layer that its passed owner switched to once the list had been read', async () => {
    const { daemon } = n1.serving.held()[0]!;
    beforeNextOpen(async () => {
      await createOverlays(system.folder, system.chain().volumes, { k: 2, epoch: 1 });
      system.list(withLayer(system.chain(), 2, 1));
      for (const name of ['v1', 'v2'])
        await addOverlay(daemon, { name, k: 2 }, join(system.folder, layerFile(name, 2, 1)));
      await freezeAll(daemon, ['v1', 'v2'], 1);
      const nbd = await n1.connect();
      await nbd.write(0, Buffer.alloc(4096, 5));
      nbd.close();
      await n1.die();
      await endProcess(daemon.identity);
    });
    await n2.serve(2);
    const nbd = await n2.connect();
    expect((await nbd.read(0, 1))[0]).toBe(5);
    nbd.close();
  });

  it('loses what a passed owner listed last, above the top that is open: nobody ever wrote to it', async () => {
    await n1.freeze('p1');
    await system.untilReady(2);
    await system.takeOver(n1, n2, 2);
    await ChainLock.with(system.folder, { signal: never }, async () => {
      await createOverlays(system.folder, system.chain().volumes, { k: 4, epoch: 1 });
      system.list(withLayer(system.chain(), 4, 1));
    });
    await n2.freeze('p2', { epoch: 2 });
    expect(n2.lastTold()).toMatchObject(frozenAt(3));
    await system.untilReady(4);
    const ofV1 = system.listed().filter((file) => file.startsWith('v1.'));
    expect(ofV1).toEqual(['v1.1.e1', 'v1.2.e1', 'v1.3.e1', 'v1.4.e2', 'v1.5.e2'].map((name) => `${name}.qcow2`));
    await until(() => system.onMedium().join() === system.listed().join());
  });

  it('is adopted with the next layer ready: the same process; pins stay, freezes go on', async () => {
    await system.freezeTimes(n1, 4);
    await system.untilReady(5);
    const pid = n1.daemonPid();
    await n1.die();
    const after = await adopted();
    expect(after.daemonPid()).toBe(pid);
    await after.freeze('p5', { taskId: 't5' });
    expect(after.lastTold()).toMatchObject(frozenAt(5));
    expect(system.pins()).toEqual(['t1', 't2', 't3', 't4', 't5']); // its order, which is older, names none of them
  });

  it('is adopted where the agent died between listing a layer and opening it', async () => {
    await createOverlays(system.folder, system.chain().volumes, { k: 2, epoch: 1 });
    system.list(withLayer(system.chain(), 2, 1));
    await n1.die();
    const after = await adopted();
    await after.freeze('p1');
    expect(after.lastTold()).toMatchObject(frozenAt(1));
  });

  it('is adopted amid a fold, which is called off, and another, which is listed as it ended', async () => {
    await system.freezeTimes(n1, 5);
    await system.untilReady(6);
    const { daemon } = n1.serving.held()[0]!;
    await fold(daemon, { name: 'v2', base: 1, top: 3, above: 4, baseFile: 'v2.1.e1.qcow2' }, never);
    const layers = { device: 'v1', 'base-node': 'v1.1', 'top-node': 'v1.3' };
    await daemon.execute('block-commit', { 'job-id': 'fold-v1', ...layers, speed: 1, 'auto-dismiss': false });
    await n1.die();

    const after = await adopted();
    await until(() => system.ks().join(' ') === '1,2,3,4,5,6,7 1,4,5,6,7');
    system.over(after, 1, 2, 3, 4, 5);
    await until(() => system.ks()[0] === '1,5,6,7'); // a job that was left would stand in its way
    await system.readsBack(after, 5);
    expect(isAlive(daemon.identity)).toBe(true);
  });

  it('is served again in place, the next layer now its top, when its daemon dies', async () => {
    await system.freezeTimes(n1, 2);
    await system.untilReady(3);
    const { identity } = n1.serving.held()[0]!.daemon;
    process.kill(identity.pid, 'SIGKILL');
    await until(() => (n1.serving.held()[0]?.daemon.identity.pid ?? identity.pid) !== identity.pid);
    await system.readsBack(n1, 2);
    await n1.freeze('p3', { taskId: 't3' });
    expect(n1.lastTold()).toMatchObject(frozenAt(4));
    expect(system.pins()).toEqual(['t1', 't2', 't3']);
  });
});
