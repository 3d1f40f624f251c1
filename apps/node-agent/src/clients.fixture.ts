import { NbdClient } from '@holdfast/nbd';

/** For specs: a client that knows every address its system may be served at, and repeats what was not acknowledged. */
export class RoamingClient {
  readonly acknowledged = new Map<number, number>();
  acks = 0;
  /** Sent and not acknowledged when the client ended: it may be there or not. */
  private inFlight: number | undefined;
  private running = true;

  constructor(
    private readonly hosts: string[],
    private readonly volume: string,
  ) {}

  async connect(): Promise<NbdClient> {
    return Promise.any(
      this.hosts.map((host) => NbdClient.connect({ host, port: 10809 }, this.volume, { timeoutMs: 1_000 })),
    );
  }

  async run(): Promise<void> {
    const blocks = (8 << 20) / 4096;
    for (let i = 0; this.running;) {
      const nbd = await retried(() => this.connect());
      try {
        for (; this.running; i++) {
          const block = i % blocks;
          const fill = Math.floor(i / blocks) * 7 + (block % 97);
          this.inFlight = block;
          await nbd.write(block * 4096, Buffer.alloc(4096, fill));
          this.inFlight = undefined;
          this.acknowledged.set(block, fill % 256);
          this.acks++;
        }
      } catch {
        nbd.close(); // the block is written again where it is served next
      }
    }
  }

  stop(): void {
    this.running = false;
  }

  /** Blocks whose acknowledged content is not what is read. */
  async lost(nbd: NbdClient): Promise<number[]> {
    const lost = [];
    for (const [block, fill] of this.acknowledged)
      if (block !== this.inFlight && !(await nbd.read(block * 4096, 4096)).equals(Buffer.alloc(4096, fill)))
        lost.push(block);
    nbd.close();
    return lost;
  }
}

export async function retried<T>(work: () => Promise<T>, everyMs = 20): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }
}

const EVERY_MS = 50;

/** For specs: asks all places again and again which of them takes a write at this moment. */
export class WriterProbe {
  /** Where more than one did. */
  readonly doubled: string[][] = [];
  private readonly connections = new Map<string, NbdClient>();
  private stopped = false;
  private readonly running: Promise<void>;

  /** Of a volume that nobody else writes to. */
  constructor(
    private readonly hosts: string[],
    private readonly volume: string,
  ) {
    this.running = this.run();
  }

  async stop(): Promise<string[][]> {
    this.stopped = true;
    await this.running;
    for (const connection of this.connections.values()) connection.close();
    return this.doubled;
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const accepted = await Promise.all(this.hosts.map((host) => this.accepts(host)));
      const writers = this.hosts.filter((_, index) => accepted[index]);
      if (writers.length > 1) this.doubled.push(writers);
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  private async accepts(host: string): Promise<boolean> {
    try {
      const known = this.connections.get(host);
      const nbd = known ?? (await NbdClient.connect({ host, port: 10809 }, this.volume, { timeoutMs: 400 }));
      this.connections.set(host, nbd);
      await nbd.write(0, Buffer.alloc(4096, 1));
      return true;
    } catch {
      this.connections.delete(host);
      return false; // nobody there, or somebody who no longer may
    }
  }
}
