export { canonical } from './canonical';
export { fold, type Decider } from './decider';
export { editDistance } from './edit-distance';
export { assertNever, FleetError, invariant, InvariantBroken } from './errors';
