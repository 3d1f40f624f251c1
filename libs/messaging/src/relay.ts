import { ReplayRefused, topicOf, topics, type TopicContract } from '@holdfast/contracts';
import type { EventStore } from '@holdfast/event-store';
import { invariant } from '@holdfast/kernel';
import { currentTraceparent, gauge, inSpan, logger, onScrape, storyAttributes } from '@holdfast/observability';
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { defaultNumbers, type EventLogNumbers } from './event-log-numbers';
import { announceHeads, type HeadsOfPartitions, type ToldHead } from './heads';
import type { KafkaLink } from './kafka-link';
import { partitionOf } from './murmur2';
import { Outbox, type UnsentEvent } from './outbox';
import type { ReplayRequest } from './replay-exchange';
import { encodeEvent, encodeSample, type WireRecord } from './wire';

/** Records of one request, well below the broker's 1 MiB. */
const REQUEST_BYTES = 700_000;
const MOST_IN_FLIGHT = 10_000;
const ALL_HEADS_MS = 86_400_000;
const LOCK_RETRY_MS = 500;
const LONGEST_BACKOFF_MS = 5_000;
const FLUSH_MS = 5_000;

/**
 * Carries a context's committed events to Kafka: each at least once, those of a stream in order. A row of the outbox
 * stays until the broker has answered for its partition, so a crash, or two relays after a lost lock, can only repeat.
 */
export class Relay {
  readonly #store: EventStore;
  readonly #kafka: KafkaLink;
  readonly #batch: number;
  readonly #idleMs: { least: number; most: number };
  readonly #headsMs: number;
  readonly #topic: TopicContract;
  readonly #log = logger('relay');
  /** What waits for each partition, in order; the first of them are on their way. */
  readonly #queues = new Map<number, UnsentEvent[]>();
  readonly #busy = new Set<number>();
  readonly #inFlight = new Set<string>();
  readonly #heads: HeadsOfPartitions = new Map();
  #wake: () => void = () => undefined;
  #announcing = false;
  #woken = false;
  #stopping = false;
  #stopNow: () => void = () => undefined;
  readonly #toStop = new Promise<undefined>((resolve) => (this.#stopNow = () => resolve(undefined)));
  #running: Promise<void> | undefined;

  constructor(o: { store: EventStore; kafka: KafkaLink; numbers?: EventLogNumbers }) {
    this.#store = o.store;
    this.#kafka = o.kafka;
    const numbers = o.numbers ?? defaultNumbers;
    this.#batch = numbers.HOLDFAST_RELAY_BATCH_EVENTS;
    this.#idleMs = { least: numbers.HOLDFAST_RELAY_POLL_MS / 10, most: numbers.HOLDFAST_RELAY_POLL_MS };
    this.#headsMs = numbers.HOLDFAST_RELAY_HEADS_MS;
    const topic = Object.values<TopicContract>(topics).find(
      ({ context, stored }) => stored && context === o.store.context,
    );
    invariant(topic, `no topic of the context ${o.store.context}`);
    this.#topic = topic;
    o.store.onAppended(() => this.#wakeUp());
    o.kafka.replays.onRequested((request, partition) => this.#answer(request, partition));
    onScrape(async () => {
      const { pending, oldestMs } = await o.store.outbox();
      gauge('outbox_pending', 'Events that Kafka has not confirmed').set(pending);
      gauge('outbox_oldest_age_seconds', 'Age of the oldest of them').set(oldestMs / 1_000);
    });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Sends what is left for 5 s at most: what stays in the outbox is the successor's. */
  async stop(): Promise<void> {
    const until = Date.now() + FLUSH_MS;
    while (this.#running !== undefined && Date.now() < until) {
      const { pending } = await this.#store.outbox().catch(() => ({ pending: 0 }));
      if (pending === 0) break;
      this.#wakeUp();
      // Not wakeable: it would take the wake of the loop that sends, and ask without a pause while another relay sends.
      await this.#pause(this.#idleMs.most, { wakeable: false });
    }
    this.#stopping = true;
    this.#stopNow();
    this.#wakeUp();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        await this.#holdLock();
      } catch (error) {
        this.#log.warn({ err: error }, 'the outbox cannot be read; trying again');
      }
      if (!this.#stopping) await this.#pause(LOCK_RETRY_MS, { wakeable: false });
    }
  }

  /** A session of its own, for the lock lives as long as it does. */
  async #holdLock(): Promise<void> {
    const session = new Client(this.#store.pool.options);
    let lost = false;
    session.on('error', () => (lost = true));
    try {
      await session.connect();
      const outbox = await Outbox.lock(this.#store, session);
      if (outbox !== null) await this.#relay(outbox, () => lost);
    } finally {
      await session.end().catch((error: unknown) => this.#log.debug({ err: error }, 'the session had ended'));
    }
  }

  /** While the lock is held. What was queued under an earlier one is forgotten: it stands in the outbox. */
  async #relay(outbox: Outbox, lost: () => boolean): Promise<void> {
    this.#queues.clear();
    this.#inFlight.clear();
    // While Kafka is away it is asked for ever: who stops does not wait for the answer.
    const partitions = await Promise.race([this.#kafka.partitions(), this.#toStop]);
    if (partitions === undefined) return;
    let idleMs = this.#idleMs.least;
    let headsAt = 0;
    let allHeadsAt = 0;
    while (!this.#stopping && !lost()) {
      this.#woken = false;
      const found = await this.#readMore(outbox, partitions);
      for (const partition of this.#queues.keys()) void this.#drain(partition, outbox);

      const now = Date.now();
      if (now >= allHeadsAt) {
        allHeadsAt = now + ALL_HEADS_MS;
        await this.#rememberAllHeads(outbox, partitions);
      }
      if (now >= headsAt) {
        headsAt = now + this.#headsMs;
        void this.#announceHeads(partitions);
      }
      idleMs = found > 0 ? this.#idleMs.least : Math.min(idleMs * 2, this.#idleMs.most);
      if (found < this.#batch) await this.#pause(idleMs);
    }
  }

  async #readMore(outbox: Outbox, partitions: number): Promise<number> {
    if (this.#inFlight.size >= MOST_IN_FLIGHT) return 0;
    const events = await outbox.unsent([...this.#inFlight], this.#batch);
    for (const event of events) {
      const partition = partitionOf(event.partitionKey, partitions);
      const queue = this.#queues.get(partition) ?? [];
      this.#queues.set(partition, queue);
      queue.push(event);
      this.#inFlight.add(event.gpos);
    }
    return events.length;
  }

  /** One request in flight; a failing partition waits alone, longer each time. */
  async #drain(partition: number, outbox: Outbox): Promise<void> {
    if (this.#busy.has(partition)) return;
    this.#busy.add(partition);
    const queue = this.#queues.get(partition) ?? [];
    for (let failures = 0; queue.length > 0 && !this.#stopping && this.#queues.get(partition) === queue;) {
      const events = oneRequest(queue, this.#batch);
      try {
        await this.#send(partition, events);
        await outbox.sent(events.map(({ gpos }) => gpos));
        queue.splice(0, events.length);
        for (const { gpos } of events) this.#inFlight.delete(gpos);
        failures = 0;
      } catch (error) {
        failures++;
        this.#log.warn({ err: error, topic: this.#topic.name, partition }, 'events were not sent; trying again');
        await this.#pause(Math.min(100 * 2 ** failures, LONGEST_BACKOFF_MS), { wakeable: false });
      }
    }
    this.#busy.delete(partition);
  }

  async #send(partition: number, events: readonly UnsentEvent[]): Promise<void> {
    const records: WireRecord[] = [];
    for (const event of events) {
      const attributes = {
        ...storyAttributes(event.meta),
        'holdfast.stream': event.stream,
        'holdfast.version': event.version,
        'holdfast.outbox.ageMs': Date.now() - Date.parse(event.at),
      };
      const options = { kind: 'producer', parent: event.meta.traceparent, attributes } as const;
      await inSpan(`publish ${this.#topic.name}`, options, () =>
        records.push(encodeEvent({ ...event, source: `/services/${this.#store.service}` }, currentTraceparent())),
      );
    }
    await this.#kafka.send(this.#topic.name, partition, records);
    for (const { stream, version, id } of events) this.#remember(partition, { stream, version, eventId: id });
  }

  /** While Kafka is away the first announcement waits, and no other joins it. */
  async #announceHeads(partitions: number): Promise<void> {
    if (this.#announcing) return;
    this.#announcing = true;
    try {
      await announceHeads({ kafka: this.#kafka, topic: this.#topic, heads: this.#heads, partitions });
    } finally {
      this.#announcing = false;
    }
  }

  #remember(partition: number, head: { stream: string; version: number; eventId: string }): void {
    const heads = this.#heads.get(partition) ?? new Map<string, ToldHead>();
    this.#heads.set(partition, heads);
    // An event that was sent again is behind what was told.
    if ((heads.get(head.stream)?.version ?? 0) > head.version) return;
    heads.set(head.stream, { ...head, toldFrom: performance.now() });
  }

  async #rememberAllHeads(outbox: Outbox, partitions: number): Promise<void> {
    for (const { partitionKey, ...head } of await outbox.heads(this.#topic.retentionMs)) {
      this.#remember(partitionOf(partitionKey, partitions), head);
    }
  }

  /** Somebody misses events of a stream: they become unsent again, or it is said that they will not come. */
  async #answer({ stream, fromVersion, toVersion, consumer }: ReplayRequest, partition: number): Promise<void> {
    if (topicOf(stream) !== this.#topic) return;
    const headVersion = await this.#store.headVersion(stream);
    if (toVersion <= headVersion) {
      const sent = await this.#store.resend(stream, fromVersion, toVersion);
      this.#log.info({ stream, fromVersion, toVersion, consumer, sent }, 'sent again');
      return;
    }
    const reason = headVersion === 0 ? 'unknown' : 'beyondHead';
    this.#log.warn({ stream, fromVersion, toVersion, consumer, headVersion, reason }, 'asked for what is not there');
    const data = { stream, consumer, fromVersion, toVersion, reason, headVersion };
    const refusal = encodeSample({
      id: randomUUID(),
      at: new Date().toISOString(),
      type: ReplayRefused.type,
      schemaVersion: ReplayRefused.version,
      data,
      // It goes where the question came from; the key of heads stands in any partition.
      key: 'heads',
      subject: `stream/${stream}`,
      source: `/services/${this.#store.service}`,
    });
    await this.#kafka.send(topics.replays.name, partition, [refusal]);
  }

  #wakeUp(): void {
    this.#woken = true;
    this.#wake();
  }

  #pause(ms: number, { wakeable = true } = {}): Promise<void> {
    if (wakeable && this.#woken) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      if (!wakeable) return;
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The first events of the queue, as many as one request carries. */
function oneRequest(queue: readonly UnsentEvent[], limit: number): UnsentEvent[] {
  let bytes = 0;
  const beyond = queue.findIndex((event, at) => {
    bytes += event.dataText.length * 2 + 500;
    return at > 0 && (bytes > REQUEST_BYTES || at >= limit);
  });
  return queue.slice(0, beyond === -1 ? queue.length : beyond);
}
