import type { NodeId, PeerEvidence } from '@holdfast/contracts';
import { HEARTBEAT_MS } from './numbers';
import { UnreachedTrail, type Span } from './reach';

type Outcome = PeerEvidence['outcome'];

const MISSES_TO_FAIL = 2;

/** Younger than the waiting time, or a success before the crash would count. */
export const maxEvidenceAgeMs = (alphaMs: number): number => Math.min(3_000, 0.75 * alphaMs);

/** What one prober saw of one node: two misses in a row fail it, one success reaches it. */
export class ProbeTrail {
  private outcome: Outcome = 'failed';
  private atMs = -Infinity;
  private missesInRow = 0;
  private readonly failing = new UnreachedTrail();

  constructor(private readonly maxAgeMs: number) {}

  /** `atMs` is the age that rode on the beat, put on the log clock: nobody's clock is compared with another's. */
  add(outcome: Outcome, atMs: number): void {
    // A slow prober tells the same probe twice; a probe belongs to half a second.
    if (atMs < this.atMs + HEARTBEAT_MS / 2) return;
    const missesBefore = atMs - this.atMs <= this.maxAgeMs ? this.missesInRow : 0;
    this.missesInRow = outcome === 'reached' ? 0 : missesBefore + 1;
    this.outcome = outcome;
    this.atMs = atMs;
    this.failing.add(this.missesInRow >= MISSES_TO_FAIL, atMs);
  }

  /** When it failed, within the memory: also what is too old to be evidence now. */
  get unreached(): readonly Span[] {
    return this.failing.spans;
  }

  /** Null once it is too old to say anything. */
  at(nowMs: number, prober: NodeId): PeerFinding | null {
    const ageMs = Math.max(0, nowMs - this.atMs);
    if (ageMs > this.maxAgeMs) return null;
    const finding =
      this.outcome === 'reached' ? 'reaches' : this.missesInRow >= MISSES_TO_FAIL ? 'fails' : 'missedOnce';
    return { nodeId: prober, outcome: this.outcome, ageMs, finding };
  }
}

export interface PeerFinding extends PeerEvidence {
  readonly finding: 'reaches' | 'fails' | 'missedOnce';
}

interface Weighing {
  readonly peers: readonly PeerFinding[];
  /** The zone of each node that could give evidence, itself left out. */
  readonly zones: Readonly<Record<string, string>>;
  /** How long the node is silent beyond its deadline, in shares of α. */
  readonly overdue: number;
}

type Weighed =
  | { verdict: 'down'; rule: 'twoPeersFail' | 'onePeerFails' }
  | { verdict: 'isolated'; rule: 'peerReaches' }
  /** Not yet, or never: absence alone decides nothing. */
  | { verdict: 'none'; final: boolean };

/** The rows for a silent node of the verdict table. */
export function weighEvidence({ peers, zones, overdue }: Weighing): Weighed {
  if (peers.some(({ finding }) => finding === 'reaches')) return { verdict: 'isolated', rule: 'peerReaches' };

  const failing = peers.filter(({ finding }) => finding === 'fails');
  const zonesNeeded = Math.min(2, new Set(Object.values(zones)).size);
  const zonesFailing = new Set(failing.map(({ nodeId }) => zones[nodeId])).size;
  if (failing.length >= 2 && zonesFailing >= zonesNeeded) return { verdict: 'down', rule: 'twoPeersFail' };

  // The half more is time for the others to speak: whoever has missed once is about to.
  const final = overdue >= 0.5;
  if (final && failing.length >= 1 && failing.length === peers.length) return { verdict: 'down', rule: 'onePeerFails' };
  return { verdict: 'none', final };
}
