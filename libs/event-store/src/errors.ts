import { FleetError } from '@holdfast/kernel';

/** Another writer appended first. Reload the stream and decide again. */
export class StreamConflict extends FleetError {
  readonly code = 'STREAM_CONFLICT';
  readonly retryable = true;
  override readonly remedy = 'Read the stream again and decide on what it holds now.';

  constructor(readonly details: { stream: string; expected: number | null; actual: number }) {
    super(`${details.stream} is at ${details.actual}, expected ${details.expected ?? 'none'}`);
  }
}

/** PostgreSQL cannot be reached, or the connection was lost. What was asked may have happened: ask again, same key. */
export class StoreUnavailable extends FleetError {
  readonly code = 'STORE_UNAVAILABLE';
  readonly retryable = true;
  override readonly remedy = 'Try again with the same idempotency key.';
}

/** PostgreSQL is there, and too slow or too full to answer in time. Nothing was written. */
export class StoreBusy extends FleetError {
  readonly code = 'STORE_BUSY';
  readonly retryable = true;
  override readonly remedy = 'Try again in a moment.';
}

/** This store lacks events that it once published: it was restored from an older copy. */
export class StoreRegressed extends FleetError {
  readonly code = 'STORE_REGRESSED';
  readonly retryable = false;
  override readonly remedy = 'Bring back a newer copy of the store; until then nothing is decided.';
}

/** More events wait for Kafka than new requests may add to. */
export class OutboxFull extends FleetError {
  readonly code = 'OUTBOX_FULL';
  readonly retryable = true;
  override readonly remedy = 'Try again once Kafka takes records again.';

  constructor(readonly details: { pending: number; limit: number }) {
    super(`${details.pending} events wait to be sent, the limit is ${details.limit}`);
  }
}

/** The event is not what its contract says. `path` leads to the first place where it differs. */
export class EventInvalid extends FleetError {
  readonly code = 'EVENT_INVALID';
  readonly retryable = false;
  override readonly remedy = 'Correct the decider, or give the contract a new version.';

  constructor(
    readonly type: string,
    readonly path: string,
    problem: string,
  ) {
    super(`${type} at ${path || 'its root'}: ${problem}`);
  }
}

/** A stored event of a type or version that this build does not know. */
export class EventUnknown extends FleetError {
  readonly code = 'EVENT_UNKNOWN';
  readonly retryable = false;
  override readonly remedy = 'Run the newer build that wrote it.';

  constructor(type: string, version: number) {
    super(`${type} version ${version} is not known here`);
  }
}

export class EventTooLarge extends FleetError {
  readonly code = 'EVENT_TOO_LARGE';
  readonly retryable = false;
  override readonly remedy = 'Split it: an event carries a decision, not data.';
}

/** The stream belongs to another service. */
export class NotOwner extends FleetError {
  readonly code = 'NOT_OWNER';
  readonly retryable = false;
  override readonly remedy = 'Ask its owner by an event.';
}

export class StreamKeyInvalid extends FleetError {
  readonly code = 'STREAM_KEY_INVALID';
  readonly retryable = false;
  override readonly remedy = 'A key is <prefix>-<id>: printable, without spaces, at most 200 bytes.';
}

/** The id, or idempotency key, already stands for an event in another stream. */
export class EventIdReused extends FleetError {
  readonly code = 'EVENT_ID_REUSED';
  readonly retryable = false;
  override readonly remedy = 'Use a new idempotency key for a new request.';
}
