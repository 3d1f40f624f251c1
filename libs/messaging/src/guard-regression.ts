import { topics, type TopicContract } from '@holdfast/contracts';
import type { EventStore } from '@holdfast/event-store';
import { invariant } from '@holdfast/kernel';
import { logger } from '@holdfast/observability';
import { readPartition } from './agent';
import type { KafkaLink } from './kafka-link';
import type { IncomingEvent } from './wire';

/** Records first looked at in a partition; ten times as many each time that none of them is an event. */
const LOOKED_AT = 100;
/** In the end, as many as more than a day of heads: a partition may never have had an event, and nobody decides meanwhile. */
const LOOKED_AT_MOST = 20_000;
const WATCH_MS = 1_000;

export interface RegressionGuard {
  /** Looks for the last published events in the store, and opens the store's gate if all are there. */
  check(): Promise<void>;
  stop(): void;
}

/**
 * A store restored from an older copy would decide anew what the world has seen decided otherwise. So nothing is
 * appended until the last records of each partition were found in it: at the start, and after PostgreSQL was restarted.
 */
export function guardRegression(o: { store: EventStore; kafka: KafkaLink }): RegressionGuard {
  const { store, kafka } = o;
  const log = logger('guard');
  const topic = Object.values<TopicContract>(topics).find(({ context, stored }) => stored && context === store.context);
  invariant(topic, `no topic of the context ${store.context}`);
  let checkedSince: string | undefined;
  store.appendGate = { open: false, reason: 'the store is being compared with what was published' };

  const check = async (): Promise<void> => {
    store.appendGate = { open: false, reason: 'the store is being compared with what was published' };
    const since = await startOf(store);
    const published = await lastPublished(kafka, topic.name);
    const missing = await missingIn(store, published);
    if (missing.length > 0) {
      log.fatal({ missing: missing.slice(0, 20), count: missing.length }, 'this store lacks events that it published');
      store.appendGate = { open: false, reason: 'STORE_REGRESSED' };
      return;
    }
    checkedSince = since;
    store.appendGate = { open: true, since };
  };

  // One look at a time: while the broker is away a look takes as long as that.
  let looking = false;
  const watch = setInterval(() => {
    if (checkedSince === undefined || looking) return;
    looking = true;
    startOf(store)
      .then((since) => (since === checkedSince ? undefined : check()))
      .catch((error: unknown) => log.debug({ err: error }, 'PostgreSQL is away; looked at when it is back'))
      .finally(() => (looking = false));
  }, WATCH_MS);
  watch.unref();
  return { check, stop: () => clearInterval(watch) };
}

async function startOf(store: EventStore): Promise<string> {
  const [row] = await store.query<{ since: string }>('select pg_postmaster_start_time()::text as since');
  return row!.since;
}

/** The last events of each partition. */
async function lastPublished(kafka: KafkaLink, topic: string): Promise<IncomingEvent[]> {
  const partitions = await kafka.admin((admin) => admin.fetchTopicOffsets(topic));
  const found = partitions.map(({ partition, low, high }) =>
    lastEvents(kafka, { topic, partition, low: Number(low), high: Number(high) }),
  );
  return (await Promise.all(found)).flat();
}

/** Looks further back until an event is found: in quiet hours a partition holds nothing but told heads at its end. */
async function lastEvents(
  kafka: KafkaLink,
  { low, high, ...where }: { topic: string; partition: number; low: number; high: number },
): Promise<IncomingEvent[]> {
  let events: IncomingEvent[] = [];
  let from = high;
  const first = Math.max(low, high - LOOKED_AT_MOST);
  for (let many = LOOKED_AT; events.length === 0 && from > first; many *= 10) {
    const to = from;
    from = Math.max(first, high - many);
    events = await readRange(kafka, { ...where, from, to });
  }
  return events;
}

async function readRange(kafka: KafkaLink, o: { topic: string; partition: number; from: number; to: number }) {
  const events: IncomingEvent[] = [];
  let done = () => undefined as void;
  const all = new Promise<void>((resolve) => (done = resolve));
  const reader = await readPartition({
    kafka,
    topics: [o.topic],
    partition: o.partition,
    from: { [o.topic]: String(o.from) },
    onBatch: async (batch) => {
      for (const record of batch.decoded()) {
        if (record.kind === 'event' && Number(record.offset) < o.to) events.push(record);
        if (Number(record.offset) >= o.to - 1) done();
      }
    },
  });
  // The last record may expire before it is read, and no other may follow: then nothing is left to be read.
  let looking = false;
  const watch = setInterval(() => {
    if (looking) return;
    looking = true;
    kafka
      .offsets(o.topic, o.partition)
      .then(({ low }) => Number(low) >= o.to && done())
      .catch((error: unknown) => logger('guard').debug({ err: error }, 'the offsets are looked at again'))
      .finally(() => (looking = false));
  }, WATCH_MS);
  await all;
  clearInterval(watch);
  await reader.stop();
  return events;
}

async function missingIn(store: EventStore, published: readonly IncomingEvent[]) {
  const { context } = store;
  return store.query<{ stream: string; version: number }>(
    `select p.stream, p.version::float8 as version
      from unnest($1::text[], $2::bigint[], $3::uuid[]) p(stream, version, id)
      where not exists (select from es.stream_${context} s join es.event_${context} e on e.stream_no = s.stream_no
        where s.key = p.stream and e.version = p.version and e.id = p.id)`,
    [published.map(({ stream }) => stream), published.map(({ version }) => version), published.map(({ id }) => id)],
  );
}
