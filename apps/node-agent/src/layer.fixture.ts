import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { NbdClient } from '@holdfast/nbd';
import { createImage, createOverlays } from './chain';
import { layerFile } from './chain.rules';
import { SERVING_PORT, StorageDaemon } from './engine.driver';
import { addOverlay, freezeAll, layerNode } from './layer.driver';
import { daemonsBelow, killProcess } from './process-identity';

const BLOCK = 4096;
export const VOLUME_BYTES = 8 << 20;
const BLOCKS = VOLUME_BYTES / BLOCK;

/** For specs: volumes `a` and `b` as chains of layers, served by one daemon and read by others. */
export class LayeredVolumes {
  readonly root = mkdtempSync('/var/tmp/holdfast-layers-');
  readonly volumes = ['a', 'b'];
  readonly address = `127.76.${1 + Math.floor(Math.random() * 250)}.1`;
  /** What was acknowledged, block by block. */
  readonly written = new Map<string, number>();
  top = 1;
  private readers = 0;

  async create(): Promise<void> {
    for (const name of this.volumes) await createImage(this.file(name, 1), VOLUME_BYTES);
  }

  clear(): void {
    for (const { identity } of daemonsBelow(join(this.root, 'run'))) killProcess(identity);
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  file(name: string, k: number): string {
    return join(this.root, layerFile(name, k, 1));
  }

  start(name: string): Promise<StorageDaemon> {
    return StorageDaemon.start(join(this.root, 'run', name), { binary: 'qemu-storage-daemon', flush: 'os' });
  }

  /** A daemon that serves the chain up to the top, all layers but those that were merged away. */
  async serve(name: string, merged: number[] = []): Promise<StorageDaemon> {
    const daemon = await this.start(name);
    const ks = Array.from({ length: this.top }, (_, index) => index + 1).filter((k) => !merged.includes(k));
    for (const volume of this.volumes)
      await daemon.open({ name: volume, layers: ks.map((k) => ({ k, filename: this.file(volume, k) })) });
    await daemon.listen(this.address, SERVING_PORT);
    for (const volume of this.volumes) await daemon.export(volume);
    return daemon;
  }

  async prepare(daemon: StorageDaemon): Promise<void> {
    const volumes = this.volumes.map((volumeId) => ({
      volumeId,
      sizeBytes: VOLUME_BYTES,
      layers: [{ k: this.top, file: layerFile(volumeId, this.top, 1) }],
    }));
    await createOverlays(this.root, volumes, { k: this.top + 1, epoch: 1 });
    for (const name of this.volumes) await this.addNext(daemon, name);
  }

  addNext(daemon: StorageDaemon, name: string): Promise<void> {
    return addOverlay(daemon, { name, k: this.top + 1 }, this.file(name, this.top + 1));
  }

  async freeze(daemon: StorageDaemon): Promise<number> {
    await this.prepare(daemon);
    const ms = await freezeAll(daemon, this.volumes, this.top);
    this.top++;
    return ms;
  }

  connect(name: string): Promise<NbdClient> {
    return NbdClient.connect({ host: this.address, port: SERVING_PORT }, name);
  }

  async write(nbd: NbdClient, { name, block, value }: { name: string; block: number; value: number }): Promise<void> {
    await nbd.write(block * BLOCK, stamp(value));
    this.written.set(`${name} ${block}`, value);
  }

  /** Clients that write all over both volumes, each write once, until told to stop. */
  async writing(): Promise<{ stop(): Promise<void> }> {
    let stopped = false;
    const done = Promise.all(
      this.volumes.map(async (name, nth) => {
        const nbd = await this.connect(name);
        for (let value = 1; !stopped; value++)
          await this.write(nbd, { name, block: (value * 37 + nth) % BLOCKS, value });
        nbd.close();
      }),
    );
    return {
      stop: async () => {
        stopped = true;
        await done;
      },
    };
  }

  /** Acknowledged blocks that do not read back as they were written. */
  async lost(): Promise<string[]> {
    const lost: string[] = [];
    for (const name of this.volumes) {
      const nbd = await this.connect(name);
      for (const [key, value] of this.written) {
        const [of, block] = key.split(' ');
        if (of === name && !(await nbd.read(Number(block) * BLOCK, BLOCK)).equals(stamp(value))) lost.push(key);
      }
      nbd.close();
    }
    return lost;
  }

  /** Another daemon with these layers of a volume, bottom to top, read-only. */
  async read(name: string, ks: number[], { writable = false } = {}): Promise<Reading> {
    const nth = ++this.readers;
    const daemon = await this.start(`reader${nth}`);
    const chain = ks.reduce<object | null>((backing, k, index) => {
      const node = layerNode({ name: 'r', k }, { flush: 'os', frozen: !writable || index < ks.length - 1 });
      return { ...node, file: { ...node.file, filename: this.file(name, k) }, backing };
    }, null);
    try {
      await daemon.execute('blockdev-add', chain!);
    } catch (error) {
      await daemon.discard();
      throw error;
    }
    const host = this.address.replace(/1$/, String(10 + nth));
    await daemon.listen(host, SERVING_PORT);
    await daemon.execute('block-export-add', { type: 'nbd', id: 'e', 'node-name': `r.${ks.at(-1)}`, name: 'r' });
    return new Reading(daemon, await NbdClient.connect({ host, port: SERVING_PORT }, 'r'));
  }
}

export class Reading {
  constructor(
    private readonly daemon: StorageDaemon,
    private readonly nbd: NbdClient,
  ) {}

  async value(block: number): Promise<number> {
    return (await this.nbd.read(block * BLOCK, BLOCK)).readUInt32LE(0);
  }

  async end(): Promise<void> {
    this.nbd.close();
    await this.daemon.discard();
  }
}

function stamp(value: number): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  for (let at = 0; at < BLOCK; at += 4) bytes.writeUInt32LE(value, at);
  return bytes;
}
