import type { AsOf } from './api';
import { usage } from './failure';
import type { Session } from './session';
import { duration, parseDuration } from './values';
import type { World } from './world';

/** Part of a question: as it was known at a position of the log, or at an instant. Empty: as it is known now. */
export interface AsOfQuery {
  asOf?: string;
}

const STALE_MS = 10_000;

export const AS_OF = ['--as-of <when>', 'as it was known at a position, at an instant, or 10m ago'] as const;

/** `5181`, an instant, or `10m` for so long ago. Which of them lie within the log, the gateway knows. */
export function asOfQuery(world: World, given: string | undefined): AsOfQuery {
  if (given === undefined) return {};
  if (/^\d+$/.test(given)) return { asOf: given };
  if (/^\d[\d.]*\s*(ms|s|m|h|d)$/.test(given))
    return { asOf: new Date(world.now() - parseDuration(given)).toISOString() };
  // A sign makes a year of what was meant as a number.
  if (/^[-+]/.test(given) || Number.isNaN(Date.parse(given)))
    throw usage(`${given} is neither a position, an instant nor a duration`, 'write 5181, 2026-03-01T10:42:00Z or 10m');
  // As it stands, if it can be: a rewritten one would lose its microseconds.
  return { asOf: given.endsWith('Z') ? given : new Date(given).toISOString() };
}

/** What the reader has to know of a picture of the fleet: it is old and was not asked to be, or a part stands still. */
export function warnOfAge(session: Session, asOf: AsOf | undefined, what: string): void {
  if (asOf === undefined) return;
  const { ageMs, broken = [] } = asOf;
  if (session.past.asOf === undefined && ageMs !== null && ageMs > STALE_MS)
    session.note(`warning: ${what} is ${duration(ageMs)} old; see \`holdfast get services\``);
  if (broken.length > 0)
    session.note(`warning: not followed at the moment: ${broken.join(', ')}; see \`holdfast get projections\``);
}

/** The time from which ages are counted: of a past picture, its own. */
export function nowOf({ world, past }: Session, asOf: AsOf | undefined): number {
  const then = past.asOf === undefined ? NaN : Date.parse(asOf?.at ?? '');
  return Number.isNaN(then) ? world.now() : then;
}
