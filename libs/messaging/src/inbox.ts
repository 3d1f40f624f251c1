import { topicOf, type ParkCode } from '@holdfast/contracts';
import type { EventStore, Tx } from '@holdfast/event-store';
import { FleetError } from '@holdfast/kernel';
import { counter, gauge, logger, onScrape } from '@holdfast/observability';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultNumbers, type EventLogNumbers } from './event-log-numbers';
import { allParked, InboxRows, type ParkedRow } from './inbox-rows';
import type { InboxIdentity } from './inbox-ledger';
import { InboxRun, type Fault, type InboxItem } from './inbox-run';
import { InvalidRecords } from './invalid-records';
import type { KafkaLink } from './kafka-link';
import type { EventHandlers } from './received';
import type { RecordBatch } from './record-batch';
import { isStreamKey } from './record-rules';
import { ReplayAsker } from './replay-asker';
import type { ReplayRefusal } from './replay-exchange';
import { headsIn } from './told-heads';
import { isKnown, type InvalidRecord, type RawRecord } from './wire';

const FIRST_PAUSE_MS = 200;

/**
 * The way in: drops what was seen, parks what must wait, hands over the rest in stream order, commits. What a handler
 * does in its `tx` happens once, however often and in whatever order the records come.
 */
export class Inbox {
  readonly #store: EventStore;
  readonly #kafka: KafkaLink;
  readonly #consumer: string;
  readonly #numbers: EventLogNumbers;
  readonly #asker: ReplayAsker;
  readonly #invalid: InvalidRecords;
  readonly #log = logger('inbox');
  /** By topic, as they were given: what is parked is handled later, by the same. */
  readonly #handlers = new Map<string, EventHandlers>();

  /** `consumer` names this inbox within its service: its heads, its parked records, its own stream. */
  constructor(o: { store: EventStore; kafka: KafkaLink; consumer: string; numbers?: EventLogNumbers }) {
    this.#store = o.store;
    this.#kafka = o.kafka;
    this.#consumer = o.consumer;
    this.#numbers = o.numbers ?? defaultNumbers;
    this.#invalid = new InvalidRecords(o.store, o.consumer);
    this.#asker = new ReplayAsker({
      kafka: o.kafka,
      consumer: `${o.store.service}.${o.consumer}`,
      source: `/services/${o.store.service}`,
      onAsked: () => counter('replays_asked_total', 'Times that missing events were asked for').inc(),
    });
    o.kafka.replays.onRefused((refusal) => this.#refused(refusal));
    onScrape(() => this.#measure());
  }

  /**
   * Handlers outlive the batch that they came with: the newest given stand for their topic, for what was parked is handled
   * later, and partitions are taken side by side. So a handler knows its event and its `tx`, and nothing of its batch;
   * what others are to learn of it, it tells by `tx.onCommit`.
   */
  async receive(batch: RecordBatch, handlers: EventHandlers): Promise<void> {
    const first = !this.#handlers.has(batch.topic);
    this.#handlers.set(batch.topic, handlers);
    if (first) await this.#resume(batch.topic, batch.partitions);

    const decoded = batch.decoded();
    const limit = this.#numbers.HOLDFAST_INBOX_BATCH_EVENTS;
    for (let at = 0; at < decoded.length; at += limit) {
      const items: InboxItem[] = [];
      const invalid: { record: InvalidRecord; raw: RawRecord }[] = [];
      for (const [index, record] of decoded.slice(at, at + limit).entries()) {
        const raw = batch.records[at + index]!;
        if (record.kind === 'event') items.push({ kind: 'event', stream: record.stream, event: record, raw });
        else if (record.kind === 'sample') items.push(...headsIn(record));
        else invalid.push({ record, raw });
      }
      await this.#invalid.keep(invalid);
      await this.#process(items, batch.partitions);
    }
  }

  /** What has stopped its stream, oldest first. */
  parked(): Promise<ParkedRow[]> {
    return allParked(this.#store, this.#consumer);
  }

  stop(): void {
    this.#asker.stop();
  }

  /** Gaps and unknown events of an earlier run of this process: the build may be newer, the missing may be there. */
  async #resume(topic: string, partitions: number): Promise<void> {
    const heads = await this.#store.query<{ stream: string; state: string }>(
      `select stream, state from inbox_head where consumer = $1 and state <> 'flowing' order by stream`,
      [this.#consumer],
    );
    const mine = heads.filter(({ stream }) => topicOf(stream)?.name === topic);
    const blocked = mine.filter(({ state }) => state === 'blocked').map(({ stream }) => stream);
    for (const row of await new InboxRows(this.#store, this.#consumer).parkedOf(blocked)) {
      if (row.code !== 'EVENT_UNKNOWN') continue;
      const known = await this.#store.inTransaction(async (tx) => {
        const event = await new InboxRows(tx, this.#consumer).readParked(row, partitions);
        if (event === null || !isKnown(event)) return false;
        await tx.query(
          `update inbox_head set state = 'gap', told = greatest(told, $3) where consumer = $1 and stream = $2`,
          [this.#consumer, row.stream, row.version],
        );
        return true;
      });
      if (known.value)
        this.#log.info({ stream: row.stream, version: row.version }, 'this build knows the event: going on');
    }
    const streams = mine.map(({ stream }) => stream);
    await this.#process(
      streams.map((stream) => ({ kind: 'drain', stream })),
      partitions,
    );
  }

  /** One transaction for all; where it fails for one event's sake, one for each record, stream by stream. */
  async #process(items: readonly InboxItem[], partitions: number): Promise<void> {
    if (items.length === 0) return;
    try {
      await this.#commit(items, partitions, new Map());
      return;
    } catch (error) {
      if (isWorldsFault(error) && !isConflict(error)) throw error;
      this.#log.warn({ err: error, records: items.length }, 'a batch failed: again, stream by stream');
    }
    let streams = [...new Set(items.map(({ stream }) => stream))].map((one) =>
      items.filter(({ stream }) => stream === one),
    );
    const attempts = new Map<string, number>();
    for (let round = 0; streams.length > 0; round++) {
      // Streams that go on do not wait for those that fail.
      if (round > 0) await sleep(FIRST_PAUSE_MS * 2 ** (round - 1) * (0.5 + Math.random()));
      const left = [];
      for (const rest of streams) {
        const failed = await this.#processOne(rest, partitions, attempts);
        if (failed.length > 0) left.push(failed);
      }
      streams = left;
    }
  }

  /** The items of one stream, each in a transaction of its own. What is left when one failed. */
  async #processOne(items: readonly InboxItem[], partitions: number, attempts: Map<string, number>) {
    for (const [at, item] of items.entries()) {
      try {
        await this.#commit([item], partitions, new Map());
      } catch (error) {
        if (isWorldsFault(error)) throw error;
        const { stream, version, cause } = error instanceof HandlerFault ? error : new HandlerFault(item, error);
        const attempt = (attempts.get(stream) ?? 0) + 1;
        const broken = cause instanceof FleetError && cause.code === 'INVARIANT_BROKEN';
        if (attempt < this.#numbers.HOLDFAST_INBOX_ATTEMPTS && !broken) {
          attempts.set(stream, attempt);
          return items.slice(at);
        }
        attempts.delete(stream);
        const code: ParkCode = broken ? 'INVARIANT_BROKEN' : 'HANDLER_FAILED';
        const fault = { version, code, message: wordsOf(cause), attempts: attempt };
        this.#log.error(
          { err: cause, stream, version, code },
          'the stream stops here, until it is retried, skipped or reloaded',
        );
        await this.#stopAt(item, partitions, { stream, fault });
      }
    }
    return [];
  }

  /**
   * The stream stops, and says so. If even that cannot be written, then without what the record says of itself; and if that
   * cannot either, the record counts as one that never came: whatever it is, its partition goes on.
   */
  async #stopAt(item: InboxItem, partitions: number, { stream, fault }: { stream: string; fault: Fault }) {
    const bare = { ...fault, bare: true, message: 'it could not be parked as it is' };
    for (const words of [fault, bare]) {
      try {
        return await this.#commit([item], partitions, new Map([[stream, words]]));
      } catch (error) {
        if (isWorldsFault(error)) throw error;
        this.#log.error({ err: error, stream, version: fault.version }, 'it could not be parked');
      }
    }
    if (item.kind !== 'event') return;
    const { topic, partition, offset, appendedAt } = item.event;
    const record = { kind: 'invalid', topic, partition, offset, appendedAt, reason: 'it could not be parked' } as const;
    await this.#invalid.keep([{ record, raw: item.raw }]);
  }

  async #commit(items: readonly InboxItem[], partitions: number, faults: ReadonlyMap<string, Fault>): Promise<void> {
    const me: InboxIdentity = {
      service: this.#store.service,
      consumer: this.#consumer,
      partitions,
      handlersOf: (stream) => this.#handlers.get(topicOf(stream)?.name ?? '') ?? {},
    };
    let run: InboxRun | undefined;
    try {
      await this.#store.inTransaction(async (tx: Tx) => {
        run = new InboxRun(tx, me, faults);
        await run.take(items);
      });
    } catch (error) {
      if (isWorldsFault(error) || run === undefined) throw error;
      // Thrown at commit, not by a handler: the only event of a single item is to blame.
      const blamed = run.current ?? (items.length === 1 ? placeOf(items[0]!) : undefined);
      if (blamed === undefined) throw error;
      throw new HandlerFault(blamed, error);
    }
    for (const [stream, hole] of run!.ledger.holes()) {
      if (hole === null) this.#asker.satisfied(stream);
      else this.#asker.want(stream, hole);
    }
    const drains = [...run!.actions.drainAfter].filter((stream) => this.#handlers.has(topicOf(stream)?.name ?? ''));
    await this.#process(
      drains.map((stream) => ({ kind: 'drain', stream })),
      partitions,
    );
  }

  async #refused({ stream, consumer, reason, headVersion, fromVersion }: ReplayRefusal): Promise<void> {
    if (consumer !== `${this.#store.service}.${this.#consumer}`) return;
    const topic = topicOf(stream)?.name;
    if (topic === undefined || !isStreamKey(stream)) return;
    const message = `its owner says ${reason}: the stream is at ${headVersion}, asked from ${fromVersion}`;
    const item: InboxItem = { kind: 'refused', stream, message, topic, partition: 0, fromVersion };
    await this.#process([item], await this.#kafka.partitions());
  }

  async #measure(): Promise<void> {
    const [row] = await this.#store.query<{ gaps: number; blocked: number; parked: number; oldest: number }>(
      `select count(*) filter (where state = 'gap')::int as gaps, count(*) filter (where state = 'blocked')::int as blocked,
          (select count(*)::int from inbox_parked where consumer = $1 and code <> 'RECORD_INVALID') as parked,
          (select coalesce(extract(epoch from now() - min(parked_at)), 0)::float8 from inbox_parked
            where consumer = $1 and code <> 'RECORD_INVALID') as oldest
        from inbox_head where consumer = $1`,
      [this.#consumer],
    );
    gauge('inbox_gaps', 'Streams that miss events').set(row?.gaps ?? 0);
    gauge('inbox_gap_oldest_age_seconds', 'For how long the oldest of them is asked for').set(
      this.#asker.oldestMs() / 1_000,
    );
    gauge('inbox_blocked_streams', 'Streams that stopped').set(row?.blocked ?? 0);
    gauge('parked_events', 'Records that wait, or that stopped their stream').set(row?.parked ?? 0);
    gauge('parked_oldest_age_seconds', 'Age of the oldest of them').set(row?.oldest ?? 0);
    const behind = this.#kafka.freshness.all().reduce((sum, { behindRecords }) => sum + behindRecords, 0);
    gauge('consumer_lag_events', 'Records that are there and were not read').set(behind);
  }
}

/** The handler's own failure, and the event that it failed on; 0: on no event. Never leaves this file. */
class HandlerFault extends FleetError {
  readonly code = 'HANDLER_FAILED';
  readonly retryable = false;
  readonly stream: string;
  readonly version: number;
  constructor(
    at: InboxItem | { stream: string; version: number },
    override readonly cause: unknown,
  ) {
    const { stream, version } = 'kind' in at ? (placeOf(at) ?? { stream: at.stream, version: 0 }) : at;
    super(`${stream}@${version}: ${wordsOf(cause)}`);
    this.stream = stream;
    this.version = version;
  }
}

/** PostgreSQL away, slow, or a lost race: nothing that parking an event would help. */
function isWorldsFault(error: unknown): boolean {
  return error instanceof FleetError && (error.retryable || error.code === 'STORE_REGRESSED');
}

function isConflict(error: unknown): boolean {
  return error instanceof FleetError && error.code === 'STREAM_CONFLICT';
}

function placeOf(item: InboxItem): { stream: string; version: number } | undefined {
  return item.kind === 'event' ? { stream: item.stream, version: item.event.version } : undefined;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
