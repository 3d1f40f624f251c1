export { fold, type Decider } from './decider';
export { assertNever, FleetError, invariant, InvariantBroken } from './errors';
