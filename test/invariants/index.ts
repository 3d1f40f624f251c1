import { check } from '@holdfast/invariants';
import { M4 } from './clients';
import type { Evidence, Violation } from './evidence';
import { L4 } from './log';
import { O1, O3, O4, O5 } from './ownership';

/** What journals, claims, stores and clients show beyond the log. */
export const predicates = { O1, O3, O4, O5, L4, M4 };

/** Everything that must never be, looked for in everything that was seen. */
export function violations(evidence: Evidence): Violation[] {
  const beyondTheLog = Object.values(predicates).flatMap((predicate) => predicate(evidence));
  const inTheLog = check(evidence.log).predicates.flatMap(({ id, violations }) =>
    violations.map(({ subject, text, position }) => ({ predicate: id, subject, message: `${text} (${position})` })),
  );
  return [...beyondTheLog, ...inTheLog];
}
