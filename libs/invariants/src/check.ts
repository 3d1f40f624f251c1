import { B1, B2, B3 } from './balancing.predicates';
import { beyondTheLog } from './beyond';
import type { LoggedEvent, Told } from './event';
import { H1, H2, H3, H5, H6 } from './health.predicates';
import { L1, L2, L3 } from './log.predicates';
import { O1, O2, O4, O5, O6, O7, O8 } from './ownership.predicates';
import type { Case, LogPredicate } from './predicate';
import { World } from './world';

/** All that a log can be judged by. */
export const logPredicates: readonly LogPredicate[] = [
  ...[O1, O2, O4, O5, O6, O7, O8],
  ...[L1, L2, L3],
  ...[H1, H2, H3, H5, H6],
  ...[B1, B2, B3],
];

/** Something is wrong: of what, which event shows it (null: what is left at the end), and how. */
export interface LogViolation {
  readonly subject: string;
  readonly position: number | null;
  readonly text: string;
}

export interface Verdict {
  readonly id: string;
  readonly text: string;
  /** The cases that it was applied to. */
  checked: number;
  /** The first of them; `more` are not kept. */
  readonly violations: LogViolation[];
  more: number;
  /** What of it could not be judged here. */
  readonly notJudged?: string;
}

export interface Report {
  readonly predicates: readonly Verdict[];
}

/** One broken rule may be broken by every event of a log. */
const KEPT = 1_000;
const NEEDS_ALL = 'it rests on all that was before: the log must be read from its first event';

/** Takes a log event by event, in feed order, and keeps only the world that it tells of. */
export class Verification {
  private readonly world: World;
  private readonly judged: { predicate: LogPredicate; verdict: Verdict }[];
  private readonly unjudged: readonly Verdict[];

  /** `whole`: from the log's first event on. */
  constructor({ whole }: { whole: boolean }) {
    this.world = new World(whole);
    const able = logPredicates.filter((predicate) => whole || !predicate.whole);
    this.judged = able.map((predicate) => ({ predicate, verdict: blank(predicate) }));
    const unable = logPredicates.filter((predicate) => !able.includes(predicate));
    this.unjudged = [...unable.map(({ id, text }) => ({ id, text, notJudged: NEEDS_ALL })), ...beyondTheLog].map(blank);
  }

  see(event: LoggedEvent): void {
    for (const { predicate, verdict } of this.judged) {
      const found = predicate.see?.(event as unknown as Told, this.world);
      if (found) note(verdict, found, event.position);
    }
    this.world.advance(event);
  }

  report(): Report {
    const verdicts = this.judged.map(({ predicate, verdict }) => {
      const whole = { ...verdict, violations: [...verdict.violations] };
      for (const found of predicate.end?.(this.world) ?? []) note(whole, found, null);
      return whole;
    });
    return { predicates: [...verdicts, ...this.unjudged].sort((a, b) => (a.id < b.id ? -1 : 1)) };
  }
}

/** Of a whole log, or of its end. */
export function check(events: Iterable<LoggedEvent>, { whole = true } = {}): Report {
  const verification = new Verification({ whole });
  for (const event of events) verification.see(event);
  return verification.report();
}

function blank({ id, text, notJudged }: { id: string; text: string; notJudged?: string | undefined }): Verdict {
  return { id, text, checked: 0, violations: [], more: 0, ...(notJudged !== undefined && { notJudged }) };
}

function note(verdict: Verdict, { subject, text, position }: Case, at: number | null): void {
  verdict.checked += 1;
  if (text === null) return;
  if (verdict.violations.length < KEPT) verdict.violations.push({ subject, position: position ?? at, text });
  else verdict.more += 1;
}
