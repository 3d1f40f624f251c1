import { M4 } from './clients';
import type { Evidence, Violation } from './evidence';
import { H1, H2, H3 } from './health';
import { L1, L2, L3, L4 } from './log';
import { O1, O2, O3, O4, O5 } from './ownership';

export const predicates = { O1, O2, O3, O4, O5, L1, L2, L3, L4, H1, H2, H3, M4 };

/** Everything that must never be, looked for in everything that was seen. */
export function violations(evidence: Evidence): Violation[] {
  return Object.values(predicates).flatMap((predicate) => predicate(evidence));
}
