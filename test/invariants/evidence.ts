import type { LoggedEvent } from '@holdfast/invariants';
import type { LedgerLine, WrongBlock } from '../../apps/lab/src/ledger';

/** What a service's own store holds of an event. */
export type StoredId = Pick<LoggedEvent, 'stream' | 'version' | 'id'>;

/** One line of an agent's journal that fences or acts: `epoch` lines raise, `effect` lines do. */
export interface JournalLine {
  readonly nodeId: string;
  readonly kind: 'epoch' | 'effect';
  readonly name?: string;
  readonly route: string;
  readonly epoch: number;
}

/** A claim as it lies on the medium. */
export interface Claim {
  readonly systemId: string;
  readonly epoch: number;
  readonly nodeId: string | null;
}

/** One look at every place where a system might be served: which of them took a write. */
export interface PresentationProbe {
  readonly systemId: string;
  readonly atMs: number;
  readonly acceptedAt: readonly string[];
}

/** All that the predicates look at: L the log, J the agents' journals and claims, K the clients' ledgers. */
export interface Evidence {
  readonly log: readonly LoggedEvent[];
  readonly stored: readonly StoredId[];
  /** What the stores held a while before the log was read: all of it has been published by then. */
  readonly storedBefore: readonly StoredId[];
  readonly journals: readonly JournalLine[];
  readonly claims: readonly Claim[];
  readonly probes: readonly PresentationProbe[];
  readonly ledger: readonly LedgerLine[];
  /** What reading everything back at the end found to differ. */
  readonly wrongBlocks: readonly WrongBlock[];
}

export interface Violation {
  readonly predicate: string;
  readonly subject: string;
  readonly message: string;
}

export type Predicate = (evidence: Evidence) => Violation[];

export const noEvidence: Evidence = {
  log: [],
  stored: [],
  storedBefore: [],
  journals: [],
  claims: [],
  probes: [],
  ledger: [],
  wrongBlocks: [],
};

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
