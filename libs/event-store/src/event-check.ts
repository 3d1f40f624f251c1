import { contractOf, findUnstorable, topicOf, type TopicContract } from '@holdfast/contracts';
import { EventInvalid, EventTooLarge, NotOwner, StreamKeyInvalid } from './errors';
import type { NewEvent } from './events';

/** Half of what the broker takes in one record. The table has the same limit. */
const LIMIT_BYTES = 524_288;
const LIMIT_KEY_BYTES = 200;

/** An event as its contract reads it: defaults filled in, and the text that is stored and travels. */
export interface CheckedEvent extends NewEvent {
  readonly schemaVersion: number;
  readonly dataText: string;
}

/** Throws unless the key has the form of a key and its prefix is one of this topic's. */
export function checkStreamKey(stream: string, topic: TopicContract): void {
  if (!/^[\x21-\x7e]+$/.test(stream) || stream.length > LIMIT_KEY_BYTES || !/^[^-].*-./.test(stream))
    throw new StreamKeyInvalid(`not a stream key: ${stream.slice(0, 240)}`);
  if (topicOf(stream) !== topic) throw new NotOwner(`${topic.owner} may not append to ${stream}`);
}

export function checkEvent(event: NewEvent, topic: TopicContract): CheckedEvent {
  const { type } = event;
  const contract = contractOf(type);
  if (contract?.kind !== 'event') throw new EventInvalid(type, '', 'no event contract has this name');
  if (!topic.events.includes(contract)) throw new EventInvalid(type, '', `not an event of ${topic.name}`);

  const read = contract.schema.safeParse(event.data);
  if (!read.success) {
    const issue = read.error.issues[0];
    throw new EventInvalid(type, issue?.path.join('.') ?? '', issue?.message ?? 'invalid');
  }
  // Refused by PostgreSQL or by whoever reads it, it would stop the stream for good.
  const unstorable = findUnstorable(read.data);
  if (unstorable) throw new EventInvalid(type, unstorable.path, unstorable.problem);

  const dataText = JSON.stringify(read.data);
  const bytes = Buffer.byteLength(dataText);
  if (bytes > LIMIT_BYTES) throw new EventTooLarge(`${type} has ${bytes} bytes, the limit is ${LIMIT_BYTES}`);
  return { ...event, data: read.data as object, schemaVersion: contract.version, dataText };
}
