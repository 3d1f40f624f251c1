import type { Instant } from '@holdfast/contracts';
import type { Batch } from 'kafkajs';
import { decodeRecord, type Incoming, type RawRecord } from './wire';

/** Records of one partition in the order of its log: what a handler of a topic is given. */
export class RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly RawRecord[];
  /** How many partitions each topic has. */
  readonly partitions: number;

  constructor(batch: Pick<Batch, 'topic' | 'partition' | 'messages'>, partitions: number) {
    const { topic, partition, messages } = batch;
    this.topic = topic;
    this.partition = partition;
    this.partitions = partitions;
    this.records = messages.map(({ offset, timestamp, key, value, headers = {} }) => {
      return { topic, partition, offset, timestamp, key, value, headers };
    });
  }

  /** Append time of its last record. */
  get appendedAt(): Instant {
    return new Date(Number(this.records.at(-1)?.timestamp ?? 0)).toISOString();
  }

  decoded(): Incoming[] {
    return this.records.map((raw) => decodeRecord(raw, this.partitions));
  }
}
