import { topics } from '@holdfast/contracts';
import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { BatchReader } from './batch-reader';
import type { KafkaLink } from './kafka-link';
import type { RecordBatch } from './record-batch';

export interface BatchTransportOptions {
  kafka: KafkaLink;
  groupId: string;
  /** Of the patterns that controllers name, those to read here; all unless said. */
  topics?: readonly string[];
  /** Reads everything alone, in a group of its own at each start, beginning a while back: for who watches, not works. */
  fresh?: { seekBackMs: number };
  onFatal?: (error: Error) => void;
}

/**
 * Whole batches to Nest's `@EventPattern(topic)` handlers, which are awaited. What it reads of `holdfast.replays` goes
 * to the relay and the inbox of this process, unless it is fresh.
 */
export class BatchTransport extends Server implements CustomTransportStrategy {
  #reader: BatchReader | undefined;
  #closed = false;

  constructor(private readonly o: BatchTransportOptions) {
    super();
  }

  listen(callback: (error?: Error) => void): void {
    this.#start().then(() => callback(), callback);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#reader?.stop();
  }

  on(): never {
    throw new TypeError('this transport has no events: ask Freshness');
  }

  unwrap<T>(): T {
    return this.#reader as T;
  }

  async #start(): Promise<void> {
    const { kafka, groupId, fresh, onFatal } = this.o;
    const patterns = [...this.messageHandlers.keys()].filter((name) => this.o.topics?.includes(name) ?? true);
    const names = fresh ? patterns : [...new Set([...patterns, topics.replays.name])];
    const starts = fresh ? await offsetsBack(kafka, names, fresh.seekBackMs) : new Map<string, string>();
    if (this.#closed) return;
    this.#reader = new BatchReader({
      kafka,
      topics: names,
      groupId,
      onBatch: (batch) => this.deliver(batch),
      ...(fresh ? { fresh: { startAt: (topic, partition) => starts.get(`${topic}/${partition}`) } } : {}),
      ...(onFatal ? { onFatal } : {}),
    });
    await this.#reader.start();
  }

  /** One batch to the handler of its topic. It is done when this resolves. */
  async deliver(batch: RecordBatch): Promise<void> {
    if (batch.topic === topics.replays.name && !this.o.fresh) {
      for (const record of batch.decoded()) await this.o.kafka.replays.hear(record);
    }
    // Nest wraps results in observables, and an error is only there for who subscribes.
    const result: unknown = await this.messageHandlers.get(batch.topic)?.(batch, batch);
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
  }
}

/** Where the log stood this long ago, partition by partition. */
async function offsetsBack(kafka: KafkaLink, names: readonly string[], backMs: number): Promise<Map<string, string>> {
  const starts = new Map<string, string>();
  await kafka.admin(async (admin) => {
    for (const topic of names) {
      for (const { partition, offset } of await admin.fetchTopicOffsetsByTimestamp(topic, Date.now() - backMs)) {
        starts.set(`${topic}/${partition}`, offset);
      }
    }
  });
  return starts;
}
