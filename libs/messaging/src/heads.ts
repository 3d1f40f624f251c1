import { StreamHeadsObserved, type TopicContract } from '@holdfast/contracts';
import { logger } from '@holdfast/observability';
import { randomUUID } from 'node:crypto';
import type { KafkaLink } from './kafka-link';
import { encodeSample } from './wire';

const TOLD_FOR_MS = 60_000;
const PER_RECORD = 500;

export interface ToldHead {
  stream: string;
  version: number;
  eventId: string;
  /** When it was sent, by the monotonic clock. */
  toldFrom: number;
}

export type HeadsOfPartitions = Map<number, Map<string, ToldHead>>;

interface Announcement {
  kafka: KafkaLink;
  topic: TopicContract;
  heads: HeadsOfPartitions;
  partitions: number;
}

const log = logger('heads');

/**
 * Tells in each partition how far its streams are, empty too: a lost last event is missed, and a reader sees that it
 * reads. Only what Kafka has confirmed is told, so the heads follow their events.
 */
export async function announceHeads(o: Announcement): Promise<void> {
  // All at once, so that a reader wakes for one answer, not for each partition.
  await Promise.all(Array.from({ length: o.partitions }, (_, partition) => announceIn(partition, o)));
}

async function announceIn(partition: number, { kafka, topic, heads: all }: Announcement): Promise<void> {
  const told = all.get(partition) ?? new Map<string, ToldHead>();
  const since = performance.now() - TOLD_FOR_MS;
  for (const [stream, { toldFrom }] of told) if (toldFrom < since) told.delete(stream);
  const heads = [...told.values()].map(({ stream, version, eventId }) => ({ stream, version, eventId }));
  try {
    const records = [];
    for (let at = 0; at === 0 || at < heads.length; at += PER_RECORD) {
      records.push(headsRecord(topic, partition, heads.slice(at, at + PER_RECORD)));
    }
    await kafka.send(topic.name, partition, records);
  } catch (error) {
    log.warn({ err: error, topic: topic.name, partition }, 'heads were not told; they will be again');
  }
}

function headsRecord(
  topic: TopicContract,
  partition: number,
  heads: { stream: string; version: number; eventId: string }[],
) {
  const data = { topic: topic.name, partition, heads };
  return encodeSample({
    id: randomUUID(),
    at: new Date().toISOString(),
    type: StreamHeadsObserved.type,
    schemaVersion: StreamHeadsObserved.version,
    data,
    key: 'heads',
    subject: StreamHeadsObserved.subject(data),
    source: `/services/${topic.owner}`,
  });
}
