import { NbdClient } from '@holdfast/nbd';
import { parseNbdUri } from '../../apps/lab/src/client-lines';
import type { PresentationProbe } from '../invariants/evidence';
import { BLOCK_BYTES } from '../../apps/lab/src/stamp';

const EVERY_MS = 50;
const ANSWER_MS = 400;
/** Beyond the blocks of the checking client. */
const OFFSET = 2_048 * BLOCK_BYTES;

/** Asks every place where a system might be served, again and again, which of them takes a write at this moment. */
export class PresentationProbes {
  readonly seen: PresentationProbe[] = [];
  private readonly connections = new Map<string, NbdClient>();
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(
    private readonly systemId: string,
    private readonly uris: readonly string[],
  ) {
    this.running = this.run();
  }

  async stop(): Promise<PresentationProbe[]> {
    this.stopped = true;
    await this.running;
    for (const connection of this.connections.values()) connection.close();
    return this.seen;
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const accepted = await Promise.all(this.uris.map((uri) => this.accepts(uri)));
      const acceptedAt = this.uris.filter((_uri, index) => accepted[index]);
      this.seen.push({ systemId: this.systemId, atMs: Date.now(), acceptedAt });
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  private async accepts(uri: string): Promise<boolean> {
    try {
      const connection = await this.connection(uri);
      await connection.write(OFFSET, Buffer.alloc(BLOCK_BYTES, 1));
      return true;
    } catch {
      this.connections.delete(uri);
      return false; // nobody there, or somebody who no longer may
    }
  }

  private async connection(uri: string): Promise<NbdClient> {
    const known = this.connections.get(uri);
    if (known && !known.closed) return known;
    const { exportName, ...place } = parseNbdUri(uri);
    const made = await NbdClient.connect(place, exportName, { timeoutMs: ANSWER_MS });
    this.connections.set(uri, made);
    return made;
  }
}
