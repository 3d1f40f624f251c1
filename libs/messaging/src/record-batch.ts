import type { Instant } from '@holdfast/contracts';
import type { Batch } from 'kafkajs';
import { appendTimeOf, decodeRecord, type Incoming, type RawRecord } from './wire';

type BatchOfOne = Pick<Batch, 'topic' | 'partition' | 'messages'> & Partial<Pick<Batch, 'highWatermark'>>;

const LOG_APPEND_TIME = 1;

/** kafkajs tells it with each message, though its types do not. */
function timestampTypeOf(message: object): unknown {
  return (message as { batchContext?: { timestampType?: unknown } }).batchContext?.timestampType;
}

/** Records of one partition in the order of its log: what a handler of a topic is given. */
export class RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly RawRecord[];
  /** How many partitions each topic has. */
  readonly partitions: number;
  /** The times are those of the broker's appends, not of the senders. */
  readonly logAppendTime: boolean;
  /** The offset after the last record that the partition had when this was fetched. */
  readonly endOffset: string;

  constructor(batch: BatchOfOne, partitions: number) {
    const { topic, partition, messages, highWatermark } = batch;
    this.topic = topic;
    this.partition = partition;
    this.partitions = partitions;
    this.logAppendTime = messages.every((message) => timestampTypeOf(message) === LOG_APPEND_TIME);
    this.endOffset = highWatermark ?? String(BigInt(messages.at(-1)?.offset ?? -1) + 1n);
    this.records = messages.map(({ offset, timestamp, key, value, headers = {} }) => {
      return { topic, partition, offset, timestamp, key, value, headers };
    });
  }

  /** Append time of its last record. */
  get appendedAt(): Instant {
    return appendTimeOf(this.records.at(-1) ?? { timestamp: '0' }) ?? new Date(0).toISOString();
  }

  /** While none of it is handled: its own records, and those after it. */
  get behindRecords(): number {
    return Number(BigInt(this.endOffset) - BigInt(this.records[0]?.offset ?? this.endOffset));
  }

  decoded(): Incoming[] {
    return this.records.map((raw) => decodeRecord(raw, this.partitions));
  }
}
