import type { Told } from './event';
import type { World } from './world';

/** One case that a predicate speaks of. `text` says what is wrong with it; null: it holds. */
export interface Case {
  readonly subject: string;
  readonly text: string | null;
  /** Of the event at fault, where it is not the one at hand. */
  readonly position?: number;
}

/** What must never be, as far as the log alone can show it. */
export interface LogPredicate {
  readonly id: string;
  readonly text: string;
  /** It rests on all that was before: a log that begins later cannot be judged by it. */
  readonly whole?: true;
  /** What of it no log can say. */
  readonly notJudged?: string;
  /** An event, and the world just before it. Undefined: not its business. */
  see?(event: Told, before: World): Case | undefined;
  /** What is left when the log ends. */
  end?(world: World): Case[];
}

/** A case, and the first thing that is wrong with it. */
export function judged(subject: string, ...faults: (string | false | null | undefined)[]): Case {
  return { subject, text: faults.find((fault) => typeof fault === 'string') ?? null };
}
