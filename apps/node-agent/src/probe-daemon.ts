import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createImage } from './chain';
import { SERVING_PORT, StorageDaemon } from './engine.driver';
import { requireMedium, type NodeEngine } from './take-up';

const PROBE_BYTES = 1 << 20;
const RESTART_MS = 1_000;

interface ProbeDaemonParts {
  node: NodeEngine;
  dataAddress: string;
  log(message: string, details?: object): void;
}

/** What peers probe: an image of this node's own on the medium, past the page cache, at the node's data address. */
export class ProbeDaemon {
  private daemon?: StorageDaemon | undefined;
  private stopped = false;

  constructor(private readonly parts: ProbeDaemonParts) {}

  /** Adopted or started, and started again whenever it dies. */
  async run(): Promise<void> {
    while (!this.stopped) {
      try {
        this.daemon = await this.adoptOrStart();
        await this.daemon.gone;
        this.parts.log('the probe daemon died');
      } catch (error) {
        this.parts.log('the probe daemon does not start', { error: String(error) });
      }
      this.daemon = undefined;
      await sleep(RESTART_MS);
    }
  }

  /** The daemon stays, for the next agent. */
  leave(): void {
    this.stopped = true;
  }

  /** How long the engine takes to answer; null while no daemon does. */
  async ping(): Promise<number | null> {
    return this.daemon ? this.daemon.ping().catch(() => null) : null;
  }

  private async adoptOrStart(): Promise<StorageDaemon> {
    const { node, dataAddress } = this.parts;
    const folder = join(node.runFolder, 'probe');
    const living = await StorageDaemon.attach(folder, node.engine.flush);
    if (living && (await living.exports()).includes('probe')) return living;
    await living?.discard();
    const filename = join(node.mediumFolder, 'probes', `${node.nodeId}.qcow2`);
    await mkdirIn(node.mediumFolder, 'probes');
    await createImage(filename, PROBE_BYTES);
    const daemon = await StorageDaemon.start(folder, node.engine);
    try {
      await daemon.open({ name: 'probe', layers: [{ k: 0, filename }], direct: true });
      await daemon.listen(dataAddress, SERVING_PORT);
      await daemon.export('probe');
      return daemon;
    } catch (error) {
      await daemon.discard();
      throw error;
    }
  }
}

/** Never the medium's own folder: on an unmounted medium that would look like an empty one to whoever takes up a system. */
async function mkdirIn(mediumFolder: string, name: string): Promise<void> {
  await requireMedium(mediumFolder);
  await mkdir(join(mediumFolder, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}
