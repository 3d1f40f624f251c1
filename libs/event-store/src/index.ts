export { EventStore, type AppendGate, type Committed, type TransactionOptions } from './event-store';
export { bindDecider, type Binding, type Streams } from './streams';
export { type NewEvents, type Tx } from './transaction';
export { type EventContext, type EventMeta, type NewEvent, type StoredEvent } from './events';
export { Timers, type TimerHandler } from './timers';
export { HaltedScopes1764115200200, haltedScopes, isHalted, noteHalted, noteResumed } from './halted-scopes';
export { SessionLock } from './session-lock';
export { setUpStore } from './set-up-store';
export { type OwnTables } from './connection';
export {
  EventIdReused,
  EventInvalid,
  EventTooLarge,
  EventUnknown,
  NotOwner,
  OutboxFull,
  StoreBusy,
  StoreRegressed,
  StoreUnavailable,
  StreamConflict,
  StreamKeyInvalid,
} from './errors';
export { uuidV5, uuidV7 } from './uuid';
