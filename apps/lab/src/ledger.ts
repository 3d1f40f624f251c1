import type { Stamp } from './stamp';

/** One line of a client's ledger: a write was sent, or acknowledged. A write sent again is the same write. */
export interface LedgerLine {
  readonly kind: 'sent' | 'acknowledged';
  readonly volume: string;
  readonly block: number;
  readonly sequence: number;
  readonly atMs: number;
}

export interface WrongBlock {
  readonly volume: string;
  readonly block: number;
  readonly expected: string;
  readonly found: string;
}

/**
 * What each block may hold: its last acknowledged write, or one sent after it whose answer never came. Anything else,
 * an older write above all, is a lost acknowledged write.
 */
export class Ledger {
  private readonly blocks = new Map<string, { acknowledged: number; sent: number[] }>();

  sent({ volume, block, sequence }: Stamp): void {
    const entry = this.entry(volume, block);
    if (!entry.sent.includes(sequence)) entry.sent.push(sequence);
  }

  acknowledged({ volume, block, sequence }: Stamp): void {
    const entry = this.entry(volume, block);
    entry.acknowledged = Math.max(entry.acknowledged, sequence);
    entry.sent = entry.sent.filter((other) => other > sequence);
  }

  apply(line: LedgerLine): void {
    if (line.kind === 'sent') this.sent(line);
    else this.acknowledged(line);
  }

  /** Undefined when the block holds what it may hold. */
  check(volume: string, block: number, found: Stamp | 'blank' | 'damaged'): WrongBlock | undefined {
    const { acknowledged, sent } = this.entry(volume, block);
    const expected = [acknowledged, ...sent];
    if (found === 'blank' && acknowledged === 0) return undefined;
    const own = typeof found === 'object' && found.volume === volume && found.block === block;
    if (own && found.sequence > 0 && expected.includes(found.sequence)) return undefined;
    return { volume, block, expected: expected.join(' or '), found: describe(found) };
  }

  /** Every block of the volume that was ever written. */
  blocksOf(volume: string): number[] {
    const prefix = `${volume}#`;
    return [...this.blocks.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => Number(key.slice(prefix.length)));
  }

  private entry(volume: string, block: number): { acknowledged: number; sent: number[] } {
    const key = `${volume}#${block}`;
    let entry = this.blocks.get(key);
    if (!entry) this.blocks.set(key, (entry = { acknowledged: 0, sent: [] }));
    return entry;
  }
}

function describe(found: Stamp | 'blank' | 'damaged'): string {
  return typeof found === 'string' ? found : `${found.sequence} of ${found.volume} block ${found.block}`;
}
