import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createImage, requireSameSize } from './chain';
import { StorageDaemon } from './engine.driver';
import { LayeredVolumes, VOLUME_BYTES } from './layer.fixture';
import { addOverlay, endFolds, fold, freezeAll, openLayers } from './layer.driver';
import { isAlive } from './process-identity';

jest.setTimeout(30_000);

/** What was found on QEMU by trial: a new engine version must pass these. */
describe('layers in the engine', () => {
  let volumes: LayeredVolumes;
  let daemon: StorageDaemon;
  beforeEach(async () => {
    volumes = new LayeredVolumes();
    await volumes.create();
    daemon = await volumes.serve('s1.e1');
  });
  afterEach(() => volumes.clear());

  const never = new AbortController().signal;
  const chains = async () => [...(await openLayers(daemon, volumes.volumes)).values()].map(({ chain }) => chain);
  const freezeTo = async (top: number) => {
    while (volumes.top < top) await volumes.freeze(daemon);
  };
  const foldNodes = (name: string, base: number, top: number, above = top + 1) => {
    return { name, base, top, above, baseFile: volumes.file(name, base).split('/').at(-1)! };
  };
  /** A value in each layer, in a cluster of its own, for a layer holds whole clusters; the top holds nothing. */
  const blockOf = (k: number) => k * 16;
  const fillEach = async (layers: number) => {
    const nbd = await volumes.connect('a');
    for (let k = 1; k <= layers; k++) {
      await volumes.write(nbd, { name: 'a', block: blockOf(k), value: 100 + k });
      await volumes.freeze(daemon);
    }
    nbd.close();
  };

  it('freezes two volumes under writes at one instant, and loses none', async () => {
    const [a, b] = [await volumes.connect('a'), await volumes.connect('b')];
    let stopped = false;
    // Each value is acknowledged on `a` before it is written to `b`: no instant has more in `b` than in `a`.
    const writer = (async () => {
      for (let value = 1; !stopped; value++) {
        await volumes.write(a, { name: 'a', block: value % 64, value });
        await volumes.write(b, { name: 'b', block: value % 64, value });
      }
    })();
    const points: number[][] = [];
    for (let point = 0; point < 5; point++) {
      await sleep(20);
      await volumes.freeze(daemon);
      points.push(Array.from({ length: volumes.top - 1 }, (_, index) => index + 1));
    }
    stopped = true;
    await writer;
    for (const layers of points) {
      const latest = async (name: string) => {
        const reading = await volumes.read(name, layers);
        const values = [];
        for (let block = 0; block < 64; block++) values.push(await reading.value(block));
        await reading.end();
        return Math.max(...values);
      };
      const [ofA, ofB] = [await latest('a'), await latest('b')];
      expect(ofA - ofB).toBeGreaterThanOrEqual(0);
      expect(ofA - ofB).toBeLessThanOrEqual(1);
    }
    expect(await volumes.lost()).toEqual([]);
  });

  it('switches no volume where one overlay is missing', async () => {
    await volumes.prepare(daemon);
    await daemon.execute('blockdev-del', { 'node-name': 'b.2' });
    await expect(freezeAll(daemon, volumes.volumes, 1)).rejects.toMatchObject({ code: 'ENGINE_REFUSED' });
    expect(await chains()).toEqual([[1], [1]]);
    await volumes.addNext(daemon, 'b');
    await freezeAll(daemon, volumes.volumes, 1);
    expect(await chains()).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it('accepts an overlay of another size, and dies by a write beyond it, so that the sizes are compared before', async () => {
    await createImage(volumes.file('a', 2), VOLUME_BYTES / 2);
    await addOverlay(daemon, { name: 'a', k: 2 }, volumes.file('a', 2));
    const differ = requireSameSize(volumes.file('a', 1), volumes.file('a', 2));
    await expect(differ).rejects.toMatchObject({ code: 'MEDIUM_INVALID' });
    await freezeAll(daemon, ['a'], 1);
    const nbd = await volumes.connect('a');
    await expect(nbd.write(VOLUME_BYTES - 4096, Buffer.alloc(4096))).rejects.toMatchObject({ code: 'NBD_CLOSED' });
  });

  it('lets another daemon read a frozen layer, alone or with its chain; never write it, nor read the top', async () => {
    await fillEach(2);
    const chain = await volumes.read('a', [1, 2]);
    expect([await chain.value(blockOf(1)), await chain.value(blockOf(2))]).toEqual([101, 102]);
    const alone = await volumes.read('a', [2]);
    expect([await alone.value(blockOf(1)), await alone.value(blockOf(2))]).toEqual([0, 102]);
    await expect(volumes.read('a', [2], { writable: true })).rejects.toMatchObject({ code: 'IMAGE_LOCKED' });
    await expect(volumes.read('a', [1, 2, 3])).rejects.toMatchObject({ code: 'IMAGE_LOCKED' });
    await volumes.freeze(daemon); // above its readers
    await Promise.all([chain.end(), alone.end()]);
  });

  it.each([4, 16])('folds %i layers under load, with a freeze meanwhile, and loses nothing', async (layers) => {
    const load = await volumes.writing();
    await freezeTo(layers + 2);
    const folding = fold(daemon, foldNodes('a', 1, layers), never);
    await volumes.freeze(daemon);
    await folding;
    await load.stop();
    expect((await chains())[0]).toEqual([1, layers + 1, layers + 2, layers + 3]);
    expect(await volumes.lost()).toEqual([]);
  });

  it('refuses to fold a layer that a reader holds, or into one, and goes on unharmed', async () => {
    await fillEach(4);
    for (const held of [[1], [2]]) {
      const reading = await volumes.read('a', held);
      await expect(fold(daemon, foldNodes('a', 1, 2), never)).rejects.toMatchObject({ code: 'IMAGE_LOCKED' });
      await reading.end();
    }
    await fold(daemon, foldNodes('a', 1, 2), never);
    expect((await chains())[0]).toEqual([1, 3, 4, 5]);
    expect(await volumes.lost()).toEqual([]);
  });

  it('refuses to fold below a layer that a reader holds: the guard comes first, or the daemon would die', async () => {
    await fillEach(4);
    const reading = await volumes.read('a', [3]);
    await expect(fold(daemon, foldNodes('a', 1, 2), never)).rejects.toMatchObject({ code: 'IMAGE_LOCKED' });
    expect(isAlive(daemon.identity)).toBe(true);
    await reading.end();
    await fold(daemon, foldNodes('a', 1, 2), never);
    const after = await volumes.read('a', [1, 3]); // frozen again
    expect([await after.value(blockOf(1)), await after.value(blockOf(2)), await after.value(blockOf(3))]).toEqual([
      101, 102, 103,
    ]);
    await after.end();
  });

  it('is reopened after a fold that was killed midway, folded again, and reads the same by the longer list', async () => {
    const load = await volumes.writing();
    await freezeTo(6);
    await load.stop();
    for (const afterMs of [0, 1, 3, 6, 12]) {
      const folding = fold(daemon, foldNodes('a', 1, 4), never).catch(() => undefined);
      await sleep(afterMs);
      daemon.kill();
      await Promise.all([folding, daemon.gone]);
      daemon = await volumes.serve(`s1.e${2 + afterMs}`);
      expect(await volumes.lost()).toEqual([]);
    }
    await fold(daemon, foldNodes('a', 1, 4), never);
    await fold(daemon, foldNodes('b', 1, 4), never);
    daemon.kill();
    await daemon.gone;
    daemon = await volumes.serve('s1.e98'); // the list was not shortened yet
    expect(await volumes.lost()).toEqual([]);
    daemon.kill();
    await daemon.gone;
    for (const name of volumes.volumes) for (const k of [2, 3, 4]) await rm(volumes.file(name, k));
    daemon = await volumes.serve('s1.e99', [2, 3, 4]);
    expect(await volumes.lost()).toEqual([]);
  });

  it('tells what is open amid a fold, has it called off by whoever attaches next, and the guard frozen again', async () => {
    await fillEach(4);
    const open = { driver: 'qcow2', 'node-name': 'a.3', 'read-only': false, backing: 'a.2', file: 'a.3.f' };
    await daemon.execute('blockdev-reopen', { options: [open] });
    const slow = {
      'job-id': 'slow',
      device: 'a',
      'top-node': 'a.2',
      'base-node': 'a.1',
      speed: 1,
      'auto-dismiss': false,
    };
    await daemon.execute('block-commit', slow);
    expect((await chains())[0]).toEqual([1, 2, 3, 4, 5]); // the job has a node of its own among them
    await volumes.freeze(daemon);
    expect(await daemon.execute('query-jobs')).toMatchObject([{ id: 'slow' }]); // it did not wait for its end
    daemon.detach(); // its agent dies
    daemon = (await StorageDaemon.attach(daemon.folder, 'os'))!;
    await expect(volumes.read('a', [3])).rejects.toMatchObject({ code: 'IMAGE_LOCKED' });
    await endFolds(daemon, volumes.volumes);
    expect(await daemon.execute('query-jobs')).toEqual([]);
    const reading = await volumes.read('a', [3]);
    expect(await reading.value(blockOf(3))).toBe(103);
    await reading.end();
    expect(await volumes.lost()).toEqual([]);
  });

  it.each([2, 8, 25])('loses nothing with %i layers when it is killed, and is reopened', async (layers) => {
    const load = await volumes.writing();
    await freezeTo(layers);
    await load.stop();
    daemon.kill();
    await daemon.gone;
    daemon = await volumes.serve('s1.e2');
    expect(await volumes.lost()).toEqual([]);
  });

  it('tells what is open after a freeze whose answer was lost', async () => {
    await volumes.prepare(daemon);
    const freezing = freezeAll(daemon, volumes.volumes, 1).catch(() => undefined);
    await new Promise(setImmediate); // it is on its way
    daemon.detach();
    await freezing;
    daemon = (await StorageDaemon.attach(daemon.folder, 'os'))!;
    const [a, b] = await chains();
    expect(a).toEqual(b);
    expect([[1], [1, 2]]).toContainEqual(a);
  });
});
