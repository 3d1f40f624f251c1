import { join } from 'node:path';
import { NbdError, type NbdClient } from '@holdfast/nbd';
import type { Chain } from './chain';
import { EngineError } from './errors';
import { MIB } from './manifest';
import { PrivateDaemon } from './private-daemon';
import type { NodeEngine } from './take-up';

/** Frozen layers of a system up to one point, opened read-only by a daemon of this task's own. It asks nobody. */
export class Reader {
  private clients = new Map<string, NbdClient>();

  private constructor(private readonly daemon: PrivateDaemon) {}

  static async open(
    node: NodeEngine,
    of: { taskId: string; epoch: number; systemId: string; chain: Chain; k: number },
  ) {
    const folder = join(node.mediumFolder, of.systemId);
    const exports = of.chain.volumes.map(({ volumeId, layers }) => ({
      name: volumeId,
      blockdev: frozen(layers.filter(({ k }) => k <= of.k).map(({ file }) => join(folder, file))),
      writable: false,
    }));
    const name = { role: 'reader' as const, of: of.taskId, epoch: of.epoch };
    return new Reader(
      await PrivateDaemon.start({ binary: node.engine.binary, runFolder: node.runFolder, name, exports }),
    );
  }

  /** The mebibytes from here on that hold anything but zeroes, by their offsets. */
  async dataIn(volumeId: string, offset: number, length: number): Promise<number[]> {
    const volume = await this.volume(volumeId);
    const found: number[] = [];
    for (let at = offset; at < offset + length;) {
      const extents = await volume.blockStatus(at, offset + length - at).catch(async (error: unknown) => {
        throw await this.explained(error);
      });
      for (const extent of extents) {
        const end = Math.min(extent.offset + extent.length, offset + length);
        for (let mib = at - (at % MIB); mib < end && !extent.zero; mib += MIB)
          if (found.at(-1) !== mib) found.push(mib);
        at = end;
      }
    }
    return found;
  }

  async read(volumeId: string, offset: number, length: number): Promise<Buffer> {
    try {
      return await (await this.volume(volumeId)).read(offset, length);
    } catch (error) {
      throw await this.explained(error);
    }
  }

  async close(): Promise<void> {
    for (const client of this.clients.values()) client.close();
    await this.daemon.discard(); // it only read
  }

  /** A failed read is EIO, whatever failed: whether the layer or the way to it, only the daemon's words tell. */
  private async explained(error: unknown): Promise<unknown> {
    if (!(error instanceof NbdError && error.code === 'NBD_IO')) return error;
    return new EngineError('ENGINE_REFUSED', `${error.message}: ${await this.daemon.words()}`, { cause: error });
  }

  private async volume(volumeId: string): Promise<NbdClient> {
    const client = this.clients.get(volumeId) ?? (await this.daemon.connect(volumeId));
    this.clients.set(volumeId, client);
    return client;
  }
}

/** Bottom to top. `locking: on`: while it is read, no fold can take a layer away. */
function frozen(files: string[]): object {
  return files.reduce<object | undefined>(
    (backing, filename) => ({
      driver: 'qcow2',
      'read-only': true,
      file: { driver: 'file', filename, locking: 'on' },
      ...(backing ? { backing } : { backing: null }),
    }),
    undefined,
  )!;
}
