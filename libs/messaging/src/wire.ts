import { contractOf, findUnstorable, topicOf, topics, type Instant } from '@holdfast/contracts';
import { partitionOf } from './murmur2';
import { isInstant, isStreamKey, isUuid } from './record-rules';

/** Keys of records that stand in each partition: they say how far it is, and belong to no subject. */
const KEYS_OF_EVERY_PARTITION = new Set(['heads', 'canary']);
const SCHEMA = 'urn:holdfast:schema';
const LIMIT_KEY_BYTES = 200;
const LIMIT_HEADER_BYTES = 1_024;
const LIMIT_HEADERS = 64;
const LAST_INSTANT_MS = Date.parse('9999-12-31T23:59:59.999Z');

/** A record as the broker gave it. */
export interface RawRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  /** Milliseconds since the epoch: of the append where the topic says so, else of the producer. */
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;
}

/** A record as it is handed to the producer. */
export interface WireRecord {
  readonly key: string;
  readonly value: string;
  readonly headers: Record<string, string>;
}

export interface EventMeta {
  correlationId: string;
  causationId?: string | undefined;
  traceparent?: string | undefined;
}

/** What an event's owner knows of it. `dataText` travels byte for byte. */
export interface OutgoingEvent {
  stream: string;
  partitionKey: string;
  version: number;
  id: string;
  at: Instant;
  type: string;
  schemaVersion: number;
  dataText: string;
  meta: EventMeta;
  source: string;
}

export interface OutgoingSample {
  id: string;
  at: Instant;
  type: string;
  schemaVersion: number;
  data: object;
  key: string;
  subject: string;
  source: string;
}

interface Place {
  topic: string;
  partition: number;
  offset: string;
  appendedAt: Instant;
}

interface Envelope extends Place {
  id: string;
  at: Instant;
  type: string;
  schemaVersion: number;
  /** Parsed, not yet judged by its contract. */
  data: unknown;
  source: string;
  /** The record key. */
  partitionKey: string;
  meta: Partial<EventMeta>;
}

export interface IncomingEvent extends Envelope {
  kind: 'event';
  stream: string;
  version: number;
  meta: EventMeta;
}

export interface IncomingSample extends Envelope {
  kind: 'sample';
  subject: string;
}

/** Nothing that can be trusted: no key, no headers, no text, or a place where its sender may not speak. */
export interface InvalidRecord extends Place {
  kind: 'invalid';
  /** One of a few: nothing of what was sent is in it. */
  reason: string;
}

export type Incoming = IncomingEvent | IncomingSample | InvalidRecord;

/** CloudEvents 1.0, binary mode. `hop` is the span of this sending; the decision's own travels beside it. */
export function encodeEvent(event: OutgoingEvent, hop?: string): WireRecord {
  const { correlationId, causationId, traceparent } = event.meta;
  return {
    key: event.partitionKey,
    value: event.dataText,
    headers: {
      ...commonHeaders(event),
      ce_subject: event.stream,
      ce_streamversion: String(event.version),
      ce_partitionkey: event.partitionKey,
      ce_correlationid: correlationId,
      ...(causationId === undefined ? {} : { ce_causationid: causationId }),
      ...(traceparent === undefined ? {} : { ce_traceparent: traceparent }),
      ...(hop === undefined ? {} : { traceparent: hop }),
    },
  };
}

export function encodeSample(sample: OutgoingSample): WireRecord {
  return {
    key: sample.key,
    value: JSON.stringify(sample.data),
    headers: { ...commonHeaders(sample), ce_subject: sample.subject, ce_partitionkey: sample.key },
  };
}

type Common = Pick<OutgoingSample, 'id' | 'at' | 'type' | 'schemaVersion' | 'source'>;

function commonHeaders({ id, at, type, schemaVersion, source }: Common): Record<string, string> {
  return {
    ce_specversion: '1.0',
    'content-type': 'application/json',
    ce_id: id,
    ce_time: at,
    ce_type: type,
    ce_dataschema: `${SCHEMA}:${type}:${schemaVersion}`,
    ce_source: source,
  };
}

/** Reads a record, or says why nobody may act on it. `partitions`: how many each topic has. */
export function decodeRecord(raw: RawRecord, partitions: number): Incoming {
  const { topic, partition, offset } = raw;
  const place = { topic, partition, offset, appendedAt: appendTimeOf(raw) ?? new Date(0).toISOString() };
  try {
    return judge(read(raw, place), partitions);
  } catch (error) {
    if (error instanceof Unreadable) return { kind: 'invalid', ...place, reason: error.message };
    throw error;
  }
}

/** Undefined: its sender wrote what no calendar and no database has. */
export function appendTimeOf({ timestamp }: Pick<RawRecord, 'timestamp'>): Instant | undefined {
  const ms = Number(timestamp);
  return ms >= -1 && ms <= LAST_INSTANT_MS ? new Date(ms).toISOString() : undefined;
}

/** Never leaves this file: it becomes the reason of an `InvalidRecord`. */
class Unreadable extends Error {}

function demand(holds: unknown, reason: string): asserts holds {
  if (!holds) throw new Unreadable(reason);
}

function read(raw: RawRecord, place: Place): IncomingEvent | IncomingSample {
  demand(raw.value !== null, 'no value');
  demand(raw.key !== null && raw.key.length > 0, 'no key');
  demand(raw.key.length <= LIMIT_KEY_BYTES, 'its key is too long');
  demand(appendTimeOf(raw), 'its timestamp is no instant');
  demand(Object.keys(raw.headers).length <= LIMIT_HEADERS, 'too many headers');
  const header = (name: string) => headerOf(raw, name);
  const required = (name: string) => {
    const text = header(name);
    demand(text, `no ${name}`);
    return text;
  };

  demand(required('ce_specversion') === '1.0', 'not CloudEvents 1.0');
  demand(header('content-type')?.startsWith('application/json') ?? true, 'not JSON');
  const type = required('ce_type');
  const envelope = {
    ...place,
    id: required('ce_id'),
    at: header('ce_time') ?? place.appendedAt,
    type,
    schemaVersion: schemaVersionOf(required('ce_dataschema'), type),
    data: parse(textOf(raw.value, 'value')!),
    source: required('ce_source'),
    partitionKey: textOf(raw.key, 'key')!,
  };
  const { partitionKey } = envelope;
  demand(isUuid(envelope.id), 'ce_id is not a UUID');
  demand(isInstant(envelope.at), 'ce_time is not an instant');
  demand(!partitionKey.includes('\0'), 'U+0000 in the key');
  demand((header('ce_partitionkey') ?? partitionKey) === partitionKey, 'ce_partitionkey is not the key');

  const subject = required('ce_subject');
  demand(isUuid(header('ce_causationid') ?? envelope.id), 'ce_causationid is not a UUID');
  const meta = { causationId: header('ce_causationid'), traceparent: header('ce_traceparent') };
  const version = header('ce_streamversion');
  if (version === undefined) return { kind: 'sample', ...envelope, subject, meta };
  demand(/^[1-9]\d*$/.test(version) && Number.isSafeInteger(Number(version)), 'ce_streamversion is not 1, 2, 3 …');
  demand(isStreamKey(subject), 'ce_subject is not a stream');
  const correlationId = required('ce_correlationid');
  demand(isUuid(correlationId), 'ce_correlationid is not a UUID');
  return {
    kind: 'event',
    ...envelope,
    stream: subject,
    version: Number(version),
    meta: { correlationId, ...meta },
  };
}

/** A well-formed record may still stand where its sender has no say. */
function judge<R extends IncomingEvent | IncomingSample>(record: R, partitions: number): R {
  const key = record.partitionKey;
  demand(
    partitionOf(key, partitions) === record.partition || (record.kind === 'sample' && KEYS_OF_EVERY_PARTITION.has(key)),
    'not in the partition of its key',
  );
  if (record.kind === 'event') {
    demand(topicOf(record.stream)?.name === record.topic, 'its stream does not live on this topic');
    demand(mayAppendTo(record.stream, record.source), 'its source may not speak as its stream');
  } else if (record.topic !== topics.samples.name && record.topic !== topics.replays.name) {
    demand(record.type === 'StreamHeadsObserved', 'no ce_streamversion on a topic of streams');
  }
  return record;
}

/** Each service on the streams of its own topic, each agent on its own journal. */
function mayAppendTo(stream: string, source: string): boolean {
  const owner = topicOf(stream)?.owner;
  if (owner === 'node-agent') {
    return source.startsWith('/nodes/') && stream.startsWith(`agent-${source.slice('/nodes/'.length)}-`);
  }
  return source === `/services/${owner}`;
}

function schemaVersionOf(dataschema: string, type: string): number {
  const [, named, version] = /^urn:holdfast:schema:(.+):([1-9]\d{0,4})$/.exec(dataschema) ?? [];
  demand(named === type, 'ce_dataschema does not name ce_type');
  return Number(version);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Buffer | string | (Buffer | string)[] | undefined, name: string): string | undefined {
  if (bytes === undefined || typeof bytes === 'string') return bytes;
  demand(Buffer.isBuffer(bytes), `${name} is there twice`);
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Unreadable(`${name} is not UTF-8`);
  }
}

/** No more than a row or an index takes, and no character that PostgreSQL refuses. */
function headerOf({ headers }: RawRecord, name: string): string | undefined {
  const text = textOf(headers[name], name);
  demand(Buffer.byteLength(text ?? '') <= LIMIT_HEADER_BYTES, `${name} is too long`);
  demand(!text?.includes('\0'), `U+0000 in ${name}`);
  return text;
}

function parse(text: string): object {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Unreadable('value is not JSON');
  }
  demand(typeof data === 'object' && data !== null && !Array.isArray(data), 'value is not a JSON object');
  const unstorable = findUnstorable(data);
  // Without the path: it is the sender's text, of any length.
  demand(!unstorable, `value holds ${unstorable?.problem}`);
  return data;
}

/** Whether this build can read the event at all: it knows the type, and no newer version of it was sent. */
export function isKnown(event: { type: string; schemaVersion: number }): boolean {
  const contract = contractOf(event.type);
  return contract !== undefined && event.schemaVersion <= contract.version;
}
