import type { Instant } from '@holdfast/contracts';

/** What everything decided in one step shares: why it happened, and who wanted it. */
export interface EventContext {
  readonly correlationId?: string | undefined;
  readonly causationId?: string | undefined;
  readonly traceparent?: string | undefined;
  readonly actor?: object | undefined;
  readonly command?: string | undefined;
}

export interface NewEvent {
  readonly type: string;
  readonly data: object;
  /** A UUIDv7 unless given. */
  readonly id?: string;
}

/** Born of a sample, an event is its own beginning: both ids are its transaction's first event. */
export interface EventMeta extends EventContext {
  readonly correlationId: string;
  readonly causationId: string;
}

export interface StoredEvent {
  readonly stream: string;
  readonly partitionKey: string;
  readonly version: number;
  readonly id: string;
  /** When it was appended, to the microsecond. */
  readonly at: Instant;
  readonly type: string;
  readonly schemaVersion: number;
  /** As it was stored, in the shape of its `schemaVersion`. */
  readonly data: object;
  readonly meta: EventMeta;
  /** `data` byte for byte, as it travels. */
  readonly dataText: string;
}
