import { logger } from '@holdfast/observability';
import type { Consumer, ConsumerConfig, EachBatchPayload } from 'kafkajs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaLink } from './kafka-link';
import { RecordBatch } from './record-batch';

const HEARTBEAT_MS = 1_000;
const SESSION_MS = 6_000; // the least that a broker grants
const LONGEST_RETRY_MS = 5_000;
const NEXT_CONSUMER_MS = 100;
const COMMIT_EVERY_MS = 1_000;
const LEAVE_MS = 3_000;

/** Of this process, not of a reader: two that begin in the same millisecond must not meet in one group. */
let freshGroups = 0;

interface BatchReaderOptions {
  kafka: KafkaLink;
  topics: readonly string[];
  /** A stable name shares partitions and keeps offsets; a prefix of its own makes a fresh group at each start. */
  groupId: string;
  onBatch(batch: RecordBatch): Promise<void>;
  /** Fresh groups: who shares no work, and therefore waits for no dead member. */
  fresh?: {
    assigner?: NonNullable<ConsumerConfig['partitionAssigners']>[number];
    /** Where to begin in a partition, the first time. Undefined: at the earliest record. */
    startAt(topic: string, partition: number): string | undefined;
  };
  /** A crash that no retry helps. The process ends unless said otherwise. */
  onFatal?: (error: Error) => void;
}

/**
 * Reads whole batches, one at a time per partition. A batch is done when its handler is; one that fails is tried again
 * in place, for ever, with the session kept alive meanwhile: nothing is passed over and nothing rests on offsets.
 */
export class BatchReader {
  readonly #o: BatchReaderOptions;
  readonly #log = logger('consumer');
  /** Where to go on, in this process: a fresh group has no memory of its own. */
  readonly #next = new Map<string, string>();
  #consumer: Consumer | undefined;
  #stopped = false;
  #inHand = 0;

  constructor(o: BatchReaderOptions) {
    this.#o = o;
  }

  /** Resolves once partitions are assigned for the first time. */
  async start(): Promise<void> {
    const partitions = await this.#o.kafka.partitions();
    await new Promise<void>((joined, failed) => this.#run(partitions, joined).catch(failed));
  }

  /** What is in hand is finished. The group is left while Kafka is there; one that is away is not waited for. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const leaving = this.#consumer?.disconnect();
    await Promise.race([leaving, this.#idleFor(LEAVE_MS)]);
  }

  async #idleFor(ms: number): Promise<void> {
    do await sleep(ms, undefined, { ref: false });
    while (this.#inHand > 0);
  }

  /** A consumer in the group, however often Kafka goes away while one is on its way there. */
  async #run(partitions: number, joined: () => void): Promise<void> {
    while (!this.#stopped) {
      const consumer = this.#build(partitions, joined);
      try {
        await this.#begin(consumer, partitions);
        return;
      } catch (error) {
        await consumer.disconnect().catch((again: unknown) => this.#log.debug({ err: again }, 'it was not connected'));
        if (!isOfAnAbsentBroker(error)) throw error;
        this.#log.warn({ err: error }, 'the consumer could not begin: a new one tries');
        await sleep(NEXT_CONSUMER_MS);
      }
    }
  }

  #build(partitions: number, joined: () => void): Consumer {
    const { kafka, fresh, groupId } = this.#o;
    const consumer = kafka.consumer({
      groupId: fresh ? `${groupId}-${process.pid}-${Date.now()}-${freshGroups++}` : groupId,
      sessionTimeout: SESSION_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: 1_000,
      ...(fresh?.assigner ? { partitionAssigners: [fresh.assigner] } : {}),
      // kafkajs' own restart of a fresh group would wait out its dead self's session.
      ...(fresh ? { retry: { restartOnFailure: () => Promise.resolve(false) } } : {}),
    });
    consumer.on(consumer.events.GROUP_JOIN, ({ payload: { memberAssignment } }) => {
      // Synchronously, or the first fetch would begin elsewhere.
      if (fresh) this.#seek(consumer, memberAssignment, fresh);
      kafka.freshness.keepOnly(memberAssignment);
      forEachPartition(memberAssignment, (topic, partition) => kafka.freshness.assigned(topic, partition));
      joined();
    });
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      if (!restart) void this.#crashed(error, partitions, joined);
    });
    this.#consumer = consumer;
    return consumer;
  }

  async #begin(consumer: Consumer, partitions: number): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics: [...this.#o.topics], fromBeginning: true });
    // Stopped meanwhile: a consumer that runs now would never be stopped again.
    if (this.#stopped) return consumer.disconnect();
    await consumer.run({
      autoCommit: false,
      autoCommitInterval: COMMIT_EVERY_MS,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 4,
      eachBatch: (payload) => this.#take(payload, partitions),
    });
  }

  #seek(consumer: Consumer, assignment: Record<string, number[]>, fresh: NonNullable<BatchReaderOptions['fresh']>) {
    forEachPartition(assignment, (topic, partition) => {
      const offset = this.#next.get(`${topic}/${partition}`) ?? fresh.startAt(topic, partition);
      if (offset !== undefined) consumer.seek({ topic, partition, offset });
    });
  }

  async #take(payload: EachBatchPayload, partitions: number): Promise<void> {
    const { batch, isRunning, isStale } = payload;
    if (!isRunning() || isStale()) return;
    const records = new RecordBatch(batch, partitions);

    const beat = setInterval(() => {
      // A rebalance shows when the offset is committed; until then the handler's work counts.
      payload.heartbeat().catch((error: unknown) => this.#log.debug({ err: error }, 'no heartbeat while handling'));
    }, HEARTBEAT_MS);
    this.#inHand++;
    try {
      if (!(await this.#handle(records, isRunning))) return;
    } finally {
      this.#inHand--;
      clearInterval(beat);
    }
    await this.#settle(payload, records);
  }

  /** False: the reader was stopped before the batch was done. */
  async #handle(records: RecordBatch, isRunning: () => boolean): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#o.onBatch(records);
        return true;
      } catch (error) {
        this.#log.error({ err: error, topic: records.topic, partition: records.partition }, 'a batch failed: again');
        this.#o.kafka.freshness.failed(records.topic, records.partition, records.behindRecords);
      }
      await sleep(Math.min(200 * 2 ** attempt, LONGEST_RETRY_MS));
      if (this.#stopped || !isRunning()) return false;
    }
  }

  async #settle({ batch, resolveOffset, commitOffsetsIfNecessary }: EachBatchPayload, records: RecordBatch) {
    const { topic, partition } = records;
    const offset = String(BigInt(batch.lastOffset()) + 1n);
    this.#next.set(`${topic}/${partition}`, offset);
    resolveOffset(batch.lastOffset());
    this.#o.kafka.freshness.took(topic, partition, {
      asOf: records.appendedAt,
      behindRecords: Number(BigInt(batch.highWatermark) - BigInt(offset)),
    });
    // Once a second at most: nothing rests on offsets, and a commit costs the broker as much as a record.
    if (!this.#o.fresh) await commitOffsetsIfNecessary();
  }

  /** `joined` goes along: a coordinator that still loads crashes the very first consumer too. */
  async #crashed(error: Error, partitions: number, joined: () => void): Promise<void> {
    if (this.#stopped) return;
    if (!isOfAnAbsentBroker(error)) return this.#giveUp(error);
    this.#log.warn({ err: error }, 'the consumer crashed: a new one takes over');
    await sleep(NEXT_CONSUMER_MS);
    await this.#run(partitions, joined).catch((again: Error) => this.#giveUp(again));
  }

  #giveUp(error: Error): void {
    this.#log.fatal({ err: error }, 'the consumer crashed, and no retry will help');
    (this.#o.onFatal ?? (() => process.exit(1)))(error);
  }
}

function forEachPartition(assignment: Record<string, number[]>, visit: (topic: string, partition: number) => void) {
  for (const [topic, partitions] of Object.entries(assignment)) for (const one of partitions) visit(topic, one);
}

/** What kafkajs says while a broker is away or comes back, and calls final at times. */
const OF_AN_ABSENT_BROKER: readonly unknown[] = ['KafkaJSGroupCoordinatorNotFound', 'KafkaJSNoBrokerAvailableError'];

/** The error or one that led to it passes by itself. A wrapper hides the name of the first, but keeps it as cause. */
export function isOfAnAbsentBroker(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { name, cause, retriable } = error as Error & { retriable?: boolean };
  return retriable === true || OF_AN_ABSENT_BROKER.includes(name) || isOfAnAbsentBroker(cause);
}
