import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { NbdClient } from '@holdfast/nbd';
import { createImage } from './chain';
import { StorageDaemon, type Flush } from './engine.driver';
import { until } from './fixture';
import { daemonsBelow, isAlive, killProcess } from './process-identity';

/** What was found on QEMU by trial and what the rest is built on: a new engine version must pass these. */
describe('the engine', () => {
  let root: string;
  const address = `127.79.${1 + Math.floor(Math.random() * 250)}.1`;

  beforeEach(() => (root = mkdtempSync('/var/tmp/holdfast-engine-')));
  afterEach(async () => {
    for (const { identity } of daemonsBelow(join(root, 'run'))) {
      killProcess(identity);
      await until(() => !isAlive(identity));
    }
    rmSync(root, { recursive: true, force: true });
  });

  const start = (name: string, flush: Flush = 'os') =>
    StorageDaemon.start(join(root, 'run', name), { binary: 'qemu-storage-daemon', flush });
  const image = async (name: string) => {
    const filename = join(root, name);
    await createImage(filename, 8 << 20);
    return filename;
  };
  const stop = (daemon: StorageDaemon, signal: NodeJS.Signals) => process.kill(daemon.identity.pid, signal);

  it.each<Flush>(['os', 'disk'])('loses no acknowledged write to SIGKILL, flushing to %s', async (flush) => {
    const layers = [{ k: 1, filename: await image('a.1.e1.qcow2') }];
    const first = await start('s1.e1', flush);
    await first.open({ name: 'a', layers });
    await first.listen(address, 10809);
    await first.export('a');
    const nbd = await NbdClient.connect({ host: address, port: 10809 }, 'a');
    let acknowledged = 0;
    const blocks = (8 << 20) / 4096;
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let block = writer; block < blocks; block += 8) {
        await nbd.write(block * 4096, Buffer.alloc(4096, 1 + (block % 250)));
        acknowledged++;
        if (acknowledged === 700) first.kill();
      }
    });
    const acks = new Set<number>();
    await Promise.allSettled(writers);
    await first.gone;

    const second = await start('s1.e2', flush);
    await second.open({ name: 'a', layers });
    await second.listen(address, 10809);
    await second.export('a');
    const after = await NbdClient.connect({ host: address, port: 10809 }, 'a');
    for (let block = 0; block < blocks; block++)
      if ((await after.read(block * 4096, 4096)).equals(Buffer.alloc(4096, 1 + (block % 250)))) acks.add(block);
    after.close();
    expect(acks.size).toBeGreaterThanOrEqual(acknowledged);
  });

  it('refuses a second daemon on a qcow2 image, also while the first is stopped, and opens once it is dead', async () => {
    const volume = { name: 'a', layers: [{ k: 1, filename: await image('a.1.e1.qcow2') }] };
    const first = await start('s1.e1');
    const second = await start('s1.e2');
    await first.open(volume);
    await expect(second.open(volume)).rejects.toMatchObject({ code: 'IMAGE_LOCKED' });
    stop(first, 'SIGSTOP');
    await expect(second.open(volume)).rejects.toMatchObject({ code: 'IMAGE_LOCKED' });
    first.kill();
    await first.gone;
    await second.open(volume);
  });

  it('refuses the lower layers of a chain that is served as well', async () => {
    const lower = { k: 1, filename: await image('a.1.e1.qcow2') };
    const upper = { k: 2, filename: await image('a.2.e1.qcow2') };
    const first = await start('s1.e1');
    const second = await start('s1.e2');
    await first.open({ name: 'a', layers: [lower, upper] });
    await expect(second.open({ name: 'a', layers: [lower] })).rejects.toMatchObject({ code: 'IMAGE_LOCKED' });
    await expect(second.open({ name: 'a', layers: [upper] })).rejects.toMatchObject({ code: 'IMAGE_LOCKED' });
  });

  it('refuses a second daemon in a folder where one lives, also while it is stopped; a stale pidfile is no obstacle', async () => {
    const first = await start('s1.e1');
    stop(first, 'SIGSTOP');
    await expect(start('s1.e1')).rejects.toMatchObject({ code: expect.stringMatching(/ENGINE_GONE|ENGINE_SILENT/) });
    first.kill();
    await first.gone;
    await start('s1.e1');
  });

  it('is found by its command line though nobody wrote it down', async () => {
    const daemon = await start('s9.e4');
    expect(daemonsBelow(join(root, 'run'))).toEqual([{ folder: 's9.e4', identity: daemon.identity }]);
  });

  it('is attached to again, with its exports and files', async () => {
    const filename = await image('a.1.e1.qcow2');
    const first = await start('s1.e1');
    await first.open({ name: 'a', layers: [{ k: 1, filename }] });
    await first.listen(address, 10809);
    await first.export('a');
    first.detach();
    const again = await StorageDaemon.attach(join(root, 'run', 's1.e1'), 'os');
    expect(await again!.exports()).toEqual(['a']);
    expect((await again!.openFiles()).map(({ file }) => file)).toContain(filename);
  });

  it('that misses a deadline is cut off: killed, if its second monitor does not answer either', async () => {
    const daemon = await start('s1.e1');
    stop(daemon, 'SIGSTOP');
    await expect(daemon.ping()).rejects.toMatchObject({ code: 'ENGINE_SILENT' });
    await daemon.gone;
    expect(isAlive(daemon.identity)).toBe(false);
  });

  it('says why it did not start', async () => {
    await expect(
      StorageDaemon.start(join(root, 'run', 's1.e1'), { binary: '/nonexistent/daemon', flush: 'os' }),
    ).rejects.toMatchObject({ code: 'ENGINE_GONE' });
  });
});
