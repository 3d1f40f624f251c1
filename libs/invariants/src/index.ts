export { check, logPredicates, Verification, type LogViolation, type Report, type Verdict } from './check';
export { type EventType, type LoggedEvent } from './event';
export { type LogPredicate } from './predicate';
export { plays, vocabulary, type Role } from './vocabulary';
