import { FleetError } from '@holdfast/kernel';
import { allTopics, topics } from '@holdfast/contracts';
import { logger } from '@holdfast/observability';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Kafka,
  KafkaJSError,
  logLevel,
  type Admin,
  type Consumer,
  type ConsumerConfig,
  type LogEntry,
  type Producer,
} from 'kafkajs';
import { Freshness } from './freshness';
import { ReplayExchange } from './replay-exchange';
import { letEmptyQueuesRest } from './request-queue';
import type { WireRecord } from './wire';

/** Never give up: a client, each of its consumers and each of its producers have retries of their own, 5 unless said. */
const FOR_EVER = { retries: Number.MAX_SAFE_INTEGER, initialRetryTime: 100, maxRetryTime: 1_000 };
const ACKS_OF_ALL = -1;
/** For a goodbye: all that had to be confirmed is by then. */
const LEAVE_MS = 1_000;

letEmptyQueuesRest();

/** The broker did not confirm exactly what was sent. Send it again: at worst it stands there twice. */
export class SendUnconfirmed extends FleetError {
  readonly code = 'SEND_UNCONFIRMED';
  readonly retryable = true;
  constructor(readonly details: { topic: string; partition: number; answer: unknown }) {
    super(`${details.topic}/${details.partition}: ${JSON.stringify(details.answer)}`);
  }
}

/** This process's one connection to Kafka: a producer, and consumers and admins as they are needed. */
export class KafkaLink {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** How far and how fresh this process reads each partition. */
  readonly freshness = new Freshness();
  /** What consumers ask of owners, as heard by this process. */
  readonly replays = new ReplayExchange();
  readonly #kafka: Kafka;
  #producer: Promise<Producer> | undefined;
  #connected: Producer | undefined;
  #partitions: Promise<number> | undefined;

  constructor(o: { brokers: readonly string[]; clientId: string }) {
    this.brokers = o.brokers;
    this.clientId = o.clientId;
    this.#kafka = new Kafka({
      brokers: [...o.brokers],
      clientId: o.clientId,
      retry: FOR_EVER,
      requestTimeout: 5_000,
      connectionTimeout: 1_000,
      logLevel: logLevel.WARN,
      logCreator: () => writeLog,
    });
  }

  consumer(config: ConsumerConfig): Consumer {
    return this.#kafka.consumer({ ...config, retry: { ...FOR_EVER, ...config.retry } });
  }

  /** May be run again: kafkajs does not retry what a broker answers that is still finding its leaders. */
  async admin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#kafka.admin({ retry: FOR_EVER });
    await admin.connect();
    try {
      for (;;) {
        try {
          return await work(admin);
        } catch (error) {
          if (!(error instanceof KafkaJSError) || !error.retriable) throw error;
          await sleep(FOR_EVER.maxRetryTime / 4);
        }
      }
    } finally {
      await admin.disconnect();
    }
  }

  /** Resolves once the broker has confirmed these records, all for one partition: kafkajs mixes up the answers of several. */
  async send(topic: string, partition: number, records: readonly WireRecord[]): Promise<void> {
    const producer = await this.#connectedProducer();
    const messages = records.map((record) => ({ ...record, partition }));
    const answers = await producer.send({ topic, acks: ACKS_OF_ALL, messages });
    const [answer] = answers;
    if (answers.length !== 1 || answer?.partition !== partition || answer.errorCode !== 0) {
      throw new SendUnconfirmed({ topic, partition, answer: answers });
    }
  }

  /** How many partitions each topic has: fixed when the topics were made. */
  partitions(): Promise<number> {
    this.#partitions ??= this.admin(async (admin) => {
      const metadata = await admin.fetchTopicMetadata({ topics: [topics.replays.name] });
      return metadata.topics[0]!.partitions.length;
    }).catch((error: unknown) => {
      this.#partitions = undefined;
      throw error;
    });
    return this.#partitions;
  }

  /** The offset that the next record of this partition will get, and the first that is still there. */
  async offsets(topic: string, partition: number): Promise<{ low: string; high: string }> {
    const all = await this.admin((admin) => admin.fetchTopicOffsets(topic));
    const { low, high } = all.find((one) => one.partition === partition)!;
    return { low, high };
  }

  /** One that still connects is not waited for, nor for long one that is connected: while Kafka is away it would be for ever. */
  async stop(): Promise<void> {
    const [connecting, connected] = [this.#producer, this.#connected];
    this.#producer = this.#connected = undefined;
    if (connected !== undefined) {
      await Promise.race([connected.disconnect(), sleep(LEAVE_MS, undefined, { ref: false })]);
      return;
    }
    connecting
      ?.then((producer) => producer.disconnect())
      .catch((error: unknown) => log.debug({ err: error }, 'the producer was not connected'));
  }

  #connectedProducer(): Promise<Producer> {
    if (this.#producer !== undefined) return this.#producer;
    const producer = this.#kafka.producer({ retry: FOR_EVER, allowAutoTopicCreation: false });
    const connecting = producer.connect().then(
      () => {
        // Stopped meanwhile: whoever stopped ends it.
        if (this.#producer === connecting) this.#connected = producer;
        return producer;
      },
      (error: unknown) => {
        // Or each later send would meet this one failure.
        if (this.#producer === connecting) this.#producer = undefined;
        throw error;
      },
    );
    this.#producer = connecting;
    return connecting;
  }
}

/** Topics exist before anybody subscribes. Those that are there already stay as they are. */
export async function ensureTopics(brokers: readonly string[], o: { partitions: number }): Promise<void> {
  const link = new KafkaLink({ brokers, clientId: 'set-up' });
  await link.admin(async (admin) => {
    const present = new Set(await admin.listTopics());
    const missing = allTopics.filter(({ name }) => !present.has(name));
    if (missing.length === 0) return;
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map(({ name, retentionMs }) => ({
        topic: name,
        numPartitions: o.partitions,
        configEntries: [
          { name: 'retention.ms', value: String(retentionMs) },
          // Only the broker's clock is common to all who observe.
          ...(name === topics.samples.name ? [{ name: 'message.timestamp.type', value: 'LogAppendTime' }] : []),
        ],
      })),
    });
    // Made is not yet led: whoever comes next would be sent away.
    for (const { name } of missing) await admin.fetchTopicOffsets(name);
  });
}

const log = logger('kafka');
const SAID_AGAIN_MS = 10_000;
const lastSaid = new Map<string, number>();

/** A broker that is away is our every day: kafkajs tries again for ever, so the same words are written once in 10 s. */
function writeLog({ level, namespace, log: entry }: LogEntry): void {
  const { message, timestamp: _, logger: __, stack: ___, ...details } = entry;
  const repeated = performance.now() - (lastSaid.get(message) ?? -Infinity) < SAID_AGAIN_MS;
  if (!repeated) lastSaid.set(message, performance.now());
  log[level === logLevel.ERROR && !repeated ? 'warn' : 'debug']({ part: namespace, ...details }, message);
}
