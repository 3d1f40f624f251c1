import { topics } from '@holdfast/contracts';
import { EventStore, setUpStore } from '@holdfast/event-store';
import { freshDatabase, startKafka, temporaryPostgres, type Postgres, type RunningKafka } from '@holdfast/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchTransport } from './batch-transport';
import { defaultNumbers } from './event-log-numbers';
import { Inbox } from './inbox';
import { ensureTopics, KafkaLink } from './kafka-link';
import type { EventHandlers } from './received';
import type { RecordBatch } from './record-batch';
import { Relay } from './relay';

export const PARTITIONS = 4;
/** What only the heads tell of is waited for no longer than this. */
const HEADS_MS = 500;

/** One PostgreSQL and one broker for a suite; two services on them: one speaks, one hears. */
export class MessagingSuite {
  readonly #members: (() => Promise<unknown>)[] = [];
  readonly #closing: (() => Promise<unknown>)[] = [];

  private constructor(
    readonly postgres: Postgres,
    readonly broker: RunningKafka,
    readonly url: string,
  ) {}

  static async start(): Promise<MessagingSuite> {
    const dir = await mkdtemp(join(tmpdir(), 'holdfast-messaging-'));
    const [postgres, broker] = await Promise.all([temporaryPostgres(), startKafka({ dir, quickStart: true })]);
    const url = await freshDatabase(postgres, setUpStore);
    await ensureTopics([broker.brokers], { partitions: PARTITIONS });
    const suite = new MessagingSuite(postgres, broker, url);
    suite.#closing.push(
      () => rm(dir, { recursive: true, force: true }),
      () => broker.kill(),
      () => postgres.stop(),
    );
    return suite;
  }

  async store(service: string): Promise<EventStore> {
    const store = await EventStore.connect({ url: this.url, service });
    this.#closing.push(() => store.close());
    return store;
  }

  link(clientId: string): KafkaLink {
    const link = new KafkaLink({ brokers: [this.broker.brokers], clientId });
    this.#closing.push(() => link.stop());
    return link;
  }

  /** The service that speaks, its relay running. It hears what is asked of it. */
  async owner(): Promise<{ store: EventStore; relay: Relay; kafka: KafkaLink }> {
    const store = await this.store(topics.health.owner);
    const kafka = this.link('owner');
    const relay = this.relay(store, kafka);
    const transport = await this.listen({ kafka, groupId: 'owner', handle: {} });
    this.#members.push(transport.close);
    return { store, relay, kafka };
  }

  relay(store: EventStore, kafka: KafkaLink): Relay {
    const relay = new Relay({ store, kafka, numbers: { ...defaultNumbers, HOLDFAST_RELAY_HEADS_MS: HEADS_MS } });
    relay.start();
    this.#closing.push(() => relay.stop());
    return relay;
  }

  /** A member of the load-balancer's group; its handlers are told per topic. */
  async consumer(o: { store: EventStore; consumer: string; handlers: Record<string, EventHandlers> }) {
    const kafka = this.link(`hears-${o.consumer}`);
    const inbox = new Inbox({ store: o.store, kafka, consumer: o.consumer });
    const handle = Object.fromEntries(
      Object.entries(o.handlers).map(([topic, handlers]) => [
        topic,
        (batch: RecordBatch) => inbox.receive(batch, handlers),
      ]),
    );
    const transport = await this.listen({ kafka, groupId: `load-balancer-${o.consumer}`, handle });
    const stop = async () => {
      inbox.stop();
      await transport.close();
    };
    this.#members.push(stop);
    return { inbox, kafka, stop };
  }

  async listen(o: {
    kafka: KafkaLink;
    groupId: string;
    handle: Record<string, (batch: RecordBatch) => Promise<void>>;
  }) {
    const transport = new BatchTransport({ kafka: o.kafka, groupId: o.groupId });
    for (const [topic, handler] of Object.entries(o.handle)) transport.addHandler(topic, handler, true);
    await new Promise<void>((ready, failed) => transport.listen((error) => (error ? failed(error) : ready())));
    return { close: () => transport.close() };
  }

  /** All of it, whatever fails on the way: a broker left behind would run on for ever. */
  async stop(): Promise<void> {
    const failures: unknown[] = [];
    const end = (close: () => Promise<unknown>) => close().catch((error: unknown) => failures.push(error));
    // Each waits for the fetch that it has begun: all at once.
    await Promise.all(this.#members.map(end));
    for (const close of this.#closing.reverse()) await end(close);
    if (failures.length > 0) throw new AggregateError(failures, 'not everything could be closed');
  }
}

/** Asks again and again until the answer is what was waited for. */
export async function eventually<T>(ask: () => Promise<T> | T, holds: (answer: T) => boolean, ms = 60_000): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    if (Date.now() > deadline) throw new RangeError(`waited ${ms} ms, and it is ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
