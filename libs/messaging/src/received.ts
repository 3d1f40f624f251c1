import * as contracts from '@holdfast/contracts';
import {
  contractOf,
  upcast,
  type EventContract,
  type EventOf,
  type Instant,
  type SampleContract,
} from '@holdfast/contracts';
import type { Tx } from '@holdfast/event-store';
import type { EventMeta, IncomingEvent, IncomingSample } from './wire';

type Registry = typeof contracts;

/** Every event contract by its type. */
type EventContracts = {
  [Name in keyof Registry as Registry[Name] extends EventContract<infer Type> ? Type : never]: Registry[Name];
};

type SampleContracts = {
  [Name in keyof Registry as Registry[Name] extends SampleContract<infer Type> ? Type : never]: Registry[Name];
};

type SampleData<Contract> =
  Contract extends SampleContract<string, infer Schema>
    ? contracts.SampleOf<SampleContract<string, Schema>>['data']
    : never;

/** An event as a handler gets it: upcast to its newest version, and judged by its contract. */
export type Received<E extends { type: string; data: unknown } = { type: string; data: object }> = E & {
  stream: string;
  version: number;
  id: string;
  at: Instant;
  /** Of `data` as it was sent. */
  schemaVersion: number;
  partitionKey: string;
  topic: string;
  partition: number;
  offset: string;
  appendedAt: Instant;
  meta: EventMeta;
  source: string;
};

/** What an event leads to, by its type; `*` hears every event. All is done in `tx`, or not at all. */
export type EventHandlers = {
  [Type in keyof EventContracts]?: (event: Received<EventOf<EventContracts[Type]>>, tx: Tx) => Promise<unknown> | void;
} & { '*'?: (event: Received, tx: Tx) => Promise<unknown> | void };

export interface ReceivedSample<Data = object> {
  data: Data;
  id: string;
  at: Instant;
  /** By the broker's clock: the only one common to all who observe. */
  appendedAt: Instant;
  topic: string;
  partition: number;
  offset: string;
  source: string;
}

export type SampleHandlers = {
  [Type in keyof SampleContracts]?: (
    sample: ReceivedSample<SampleData<SampleContracts[Type]>>,
  ) => Promise<unknown> | void;
};

export type Judged<T> =
  { ok: true; value: T } | { ok: false; code: 'EVENT_UNKNOWN' | 'EVENT_INVALID'; message: string };

export function judgeEvent(event: IncomingEvent): Judged<Received> {
  const { kind: _, data: sent, ...envelope } = event;
  const contract = contractOf(event.type);
  if (contract?.kind !== 'event' || event.schemaVersion > contract.version) {
    return {
      ok: false,
      code: 'EVENT_UNKNOWN',
      message: `${event.type} version ${event.schemaVersion} is not known here`,
    };
  }
  let newest: object;
  try {
    newest = upcast(contract, event.schemaVersion, sent as object);
  } catch (error) {
    // An upcaster trusts its input, which is right for the log and not for the wire.
    return { ok: false, code: 'EVENT_INVALID', message: `not as of version ${event.schemaVersion}: ${String(error)}` };
  }
  const parsed = contract.schema.safeParse(newest);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { ok: false, code: 'EVENT_INVALID', message: `${issue?.path.join('.') || 'its root'}: ${issue?.message}` };
  }
  return { ok: true, value: { ...envelope, data: parsed.data as object } };
}

export function judgeSample(sample: IncomingSample): ReceivedSample | undefined {
  const contract = contractOf(sample.type);
  if (contract?.kind !== 'sample' || sample.schemaVersion !== contract.version) return undefined;
  const parsed = contract.schema.safeParse(sample.data);
  if (!parsed.success) return undefined;
  const { id, at, appendedAt, topic, partition, offset, source } = sample;
  return { data: parsed.data as object, id, at, appendedAt, topic, partition, offset, source };
}
