import { NbdClient } from '@holdfast/nbd';
import { Ledger, type LedgerLine, type WrongBlock } from './ledger';
import { BLOCK_BYTES, readStamp, stampBlock, type Stamp } from './stamp';

export interface VolumeTarget {
  /** `s1/v1`, as in its stamps. */
  readonly volume: string;
  readonly exportName: string;
  /** All places where it may be served; tried in turn. */
  readonly places: readonly { host: string; port: number }[];
}

export interface VolumeEvents {
  acknowledged(tookMs: number): void;
  checked(): void;
  wrong(block: WrongBlock): void;
  /** No acknowledged write for this long: over now. */
  gap(ms: number): void;
  /** The connection was lost, and there is a new one over which all was read back. */
  reconnected(): void;
  line(line: LedgerLine): void;
}

/** Small enough to be checked whole after each new connection. */
const BLOCKS = 256;
const REQUEST_MS = 2_000;
const RECONNECT_MS = 25;
const GAP_MS = 250;

/**
 * A client as an application would be: one write after the other, each repeated until it is acknowledged, over as many
 * connections as that takes; what it reads back must be what it wrote.
 */
export class VolumeClient {
  readonly ledger = new Ledger();
  private connection: NbdClient | undefined;
  private sequence = 0;
  private lastAckAt = performance.now();
  private stopped = false;
  private connections = 0;

  constructor(
    private readonly target: VolumeTarget,
    private readonly everyMs: number,
    private readonly events: VolumeEvents,
  ) {}

  get connected(): boolean {
    return this.connection?.closed === false;
  }

  get silentMs(): number {
    return performance.now() - this.lastAckAt;
  }

  async run(): Promise<void> {
    while (!this.stopped) {
      const began = performance.now();
      await this.writeOne();
      await this.checkOne();
      const left = this.everyMs - (performance.now() - began);
      if (left > 0) await pause(left);
    }
    this.connection?.close();
  }

  stop(): void {
    this.stopped = true;
  }

  private async writeOne(): Promise<void> {
    this.sequence += 1;
    const stamp: Stamp = { volume: this.target.volume, block: (this.sequence * 31) % BLOCKS, sequence: this.sequence };
    const data = stampBlock(stamp);
    this.ledger.sent(stamp);
    this.tell('sent', stamp);
    const began = performance.now();
    await this.insist((connection) => connection.write(stamp.block * BLOCK_BYTES, data));
    if (this.stopped) return;
    const now = performance.now();
    if (now - this.lastAckAt > GAP_MS + this.everyMs) this.events.gap(now - this.lastAckAt);
    this.lastAckAt = now;
    this.ledger.acknowledged(stamp);
    this.tell('acknowledged', stamp);
    this.events.acknowledged(now - began);
  }

  private async checkOne(): Promise<void> {
    const blocks = Math.min(this.sequence, BLOCKS);
    const block = (((this.sequence * 17) % blocks) * 31 + 31) % BLOCKS;
    await this.insist((connection) => this.check(connection, block));
  }

  private async check(connection: NbdClient, block: number): Promise<void> {
    const found = readStamp(await connection.read(block * BLOCK_BYTES, BLOCK_BYTES));
    const wrong = this.ledger.check(this.target.volume, block, found);
    if (wrong) this.events.wrong(wrong);
    else this.events.checked();
  }

  /** Repeats until it succeeds: a lost connection is neither success nor failure. */
  private async insist(request: (connection: NbdClient) => Promise<void>): Promise<void> {
    for (let attempt = 0; !this.stopped; attempt += 1) {
      try {
        this.connection = this.connected ? this.connection : await this.connect(attempt);
        return await request(this.connection!);
      } catch {
        // Every failure has the same answer: from the beginning, wherever it is served by then.
        this.connection?.close();
        this.connection = undefined;
        await pause(RECONNECT_MS);
      }
    }
  }

  /** A new connection counts once everything that was ever acknowledged has been read back over it. */
  private async connect(attempt: number): Promise<NbdClient> {
    const place = this.target.places[attempt % this.target.places.length]!;
    const connection = await NbdClient.connect(place, this.target.exportName, { timeoutMs: REQUEST_MS });
    for (const block of this.ledger.blocksOf(this.target.volume)) await this.check(connection, block);
    this.connections += 1;
    if (this.connections > 1) this.events.reconnected();
    return connection;
  }

  private tell(kind: LedgerLine['kind'], stamp: Stamp): void {
    this.events.line({ kind, ...stamp, atMs: Date.now() });
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
