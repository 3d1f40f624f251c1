import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NbdClient } from './client';

/** Against the real server: one qcow2 image of 8 MiB, exported over a unix socket. */
describe('NbdClient and qemu-storage-daemon', () => {
  let folder: string;
  let daemon: ChildProcess;
  let daemonEnded: Promise<unknown>;
  let nbd: NbdClient;
  const path = () => join(folder, 'nbd');

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-nbd-'));
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', join(folder, 'v1'), '8M']);
    daemon = spawn('qemu-storage-daemon', [
      ...['--blockdev', `driver=qcow2,node-name=v1,file.driver=file,file.filename=${join(folder, 'v1')}`],
      ...['--nbd-server', `addr.type=unix,addr.path=${path()}`],
      ...['--export', 'type=nbd,id=v1,node-name=v1,name=v1,writable=on'],
      ...['--pidfile', join(folder, 'pid')],
    ]);
    daemonEnded = once(daemon, 'exit');
    nbd = await connectOnceUp();
  });
  afterAll(async () => {
    nbd?.close();
    daemon.kill('SIGKILL');
    await daemonEnded;
    rmSync(folder, { recursive: true });
  });

  async function connectOnceUp(): Promise<NbdClient> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await NbdClient.connect({ path: path() }, 'v1', { timeoutMs: 2_000 });
      } catch (error) {
        if (attempt === 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  it('learns the size of the image', () => expect(nbd.sizeBytes).toBe(8 << 20));

  it('reads back what it wrote, with many requests in flight', async () => {
    const blocks = Array.from({ length: 64 }, (_, i) => Buffer.alloc(4096, i));
    await Promise.all(blocks.map((block, i) => nbd.write(i * 4096, block, { fua: i % 8 === 0 })));
    await nbd.flush();
    const back = await Promise.all(blocks.map((_, i) => nbd.read(i * 4096, 4096)));
    expect(Buffer.concat(back).equals(Buffer.concat(blocks))).toBe(true);
  });

  it('gets large reads whole', async () => {
    expect((await nbd.read(0, 4 << 20)).length).toBe(4 << 20);
  });

  it('is told EINVAL beyond the end and goes on', async () => {
    await expect(nbd.read(8 << 20, 4096)).rejects.toMatchObject({ code: 'NBD_IO', errno: 'EINVAL' });
    expect((await nbd.read(0, 512)).length).toBe(512);
  });

  it('is refused an export that is not there', async () => {
    await expect(NbdClient.connect({ path: path() }, 'v2')).rejects.toMatchObject({ code: 'NBD_REFUSED' });
  });

  it('tells what reads as zeroes, and reads over data and holes alike', async () => {
    const image = await NbdClient.connect({ path: path() }, 'v1', { timeoutMs: 2_000, allocation: true });
    const MIB = 1 << 20;
    await image.write(5 * MIB, Buffer.alloc(65_536, 'x'));
    const extents = await image.blockStatus(4 * MIB, 4 * MIB);
    expect(extents).toEqual([
      { offset: 4 * MIB, length: MIB, zero: true },
      { offset: 5 * MIB, length: 65_536, zero: false },
      { offset: 5 * MIB + 65_536, length: 3 * MIB - 65_536, zero: true },
    ]);
    const around = await image.read(5 * MIB - 4096, 65_536 + 8192);
    expect(around).toEqual(Buffer.concat([Buffer.alloc(4096), Buffer.alloc(65_536, 'x'), Buffer.alloc(4096)]));
    await expect(image.read(8 * MIB, 4096)).rejects.toMatchObject({ code: 'NBD_IO', errno: 'EINVAL' });
    await image.flush();
    image.close();
  });

  it('refuses to tell what was not asked for at connect', async () => {
    await expect(nbd.blockStatus(0, 4096)).rejects.toMatchObject({ code: 'NBD_REFUSED' });
  });

  it('gives up on a stopped server at the deadline', async () => {
    process.kill(daemon.pid!, 'SIGSTOP');
    await expect(NbdClient.connect({ path: path() }, 'v1', { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'NBD_TIMEOUT',
    });
    process.kill(daemon.pid!, 'SIGCONT');
  });

  it('fails by NBD_CLOSED when the server is killed', async () => {
    const lost = nbd.read(0, 512).then(() => nbd.read(0, 512));
    const ended = Promise.allSettled([lost]);
    daemon.kill('SIGKILL');
    await ended;
    await expect(nbd.read(0, 512).then(() => nbd.read(0, 512))).rejects.toMatchObject({ code: 'NBD_CLOSED' });
  });
});
