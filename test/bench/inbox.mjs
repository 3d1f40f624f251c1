// The inbox beside what a consumer without one does: a transaction per message, with a row that says it was seen.
import { createRequire } from 'node:module';
import { compared, interleave } from './measure.mjs';
import { EVENT, META, PARTITIONS, topics } from './parts.mjs';

const require = createRequire(import.meta.url);
const { EventStore, uuidV7 } = require('@holdfast/event-store');
const { Inbox, KafkaLink, RecordBatch } = require('@holdfast/messaging');
const { encodeEvent, partitionOf } = require('@holdfast/messaging/agent');

const STREAMS_PER_PARTITION = 5;
const TABLES = `
  create table bench_effect (id uuid primary key, node_id text not null, last_heartbeat_at timestamptz not null);
  create table bench_seen (id uuid primary key)`;
const EFFECT = 'insert into bench_effect (id, node_id, last_heartbeat_at) values ($1, $2, $3)';

/** Both get batches as a consumer hands them over, four partitions at once, and write one row for each event. */
export async function inboxRow({ url, brokers }, { rounds, events }) {
  const store = await EventStore.connect({ url, service: topics.placement.owner });
  await store.query(TABLES);
  const kafka = new KafkaLink({ brokers: [brokers], clientId: 'bench-inbox' });
  const inbox = new Inbox({ store, kafka, consumer: 'bench' });
  const handlers = {
    NodeSuspected: ({ id, data }, tx) => tx.query(EFFECT, [id, data.nodeId, data.lastHeartbeatAt]),
  };
  const results = await interleave(rounds, {
    ours: () => timed(store, batches(events), (batch) => inbox.receive(batch, handlers)),
    peer: () => timed(store, batches(events), (batch) => onePerTransaction(store.pool, batch)),
  });
  inbox.stop();
  await kafka.stop();
  await store.close();
  const what = `inbox: ${events.toLocaleString('en')} events with effect, ${PARTITIONS} partitions`;
  return compared({ what, peer: 'a transaction per message', target: 20 }, results);
}

async function onePerTransaction(pool, { records }) {
  const client = await pool.connect();
  for (const { headers, value } of records) {
    const id = String(headers.ce_id);
    const { nodeId, lastHeartbeatAt } = JSON.parse(String(value));
    await client.query('begin');
    const { rowCount } = await client.query('insert into bench_seen (id) values ($1) on conflict do nothing', [id]);
    if (rowCount === 1) await client.query(EFFECT, [id, nodeId, lastHeartbeatAt]);
    await client.query('commit');
  }
  client.release();
}

/** Nothing is seen twice: each call makes new streams, from their first version on. */
function batches(events) {
  const perStream = events / PARTITIONS / STREAMS_PER_PARTITION;
  return keys().map((partitionKey, partition) => {
    const streams = Array.from({ length: STREAMS_PER_PARTITION }, () => `cluster-health-${uuidV7()}`);
    const messages = Array.from({ length: perStream * STREAMS_PER_PARTITION }, (_, n) => {
      const version = Math.floor(n / STREAMS_PER_PARTITION) + 1;
      return message({ stream: streams[n % STREAMS_PER_PARTITION], partitionKey, version }, n);
    });
    return new RecordBatch({ topic: topics.health.name, partition, messages }, PARTITIONS);
  });
}

/** One for each partition. */
function keys() {
  const found = [];
  for (let n = 0; found.filter(Boolean).length < PARTITIONS; n += 1)
    found[partitionOf(`c${n}`, PARTITIONS)] ??= `c${n}`;
  return found;
}

/** As kafkajs gives it: bytes throughout. */
function message(place, offset) {
  const at = EVENT.data.at;
  const own = { id: uuidV7(), at, type: EVENT.type, schemaVersion: 1, dataText: JSON.stringify(EVENT.data) };
  const { key, value, headers } = encodeEvent({
    ...place,
    ...own,
    meta: META,
    source: `/services/${topics.health.owner}`,
  });
  const bytes = Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]));
  return {
    offset: `${offset}`,
    timestamp: `${Date.parse(at)}`,
    key: Buffer.from(key),
    value: Buffer.from(value),
    headers: bytes,
  };
}

/** Counted afterwards: a rate of what was not done would be worth nothing. */
async function timed(store, work, how) {
  await store.query('truncate bench_effect, bench_seen');
  const began = performance.now();
  await Promise.all(work.map(how));
  const took = performance.now() - began;
  const events = work.reduce((sum, { records }) => sum + records.length, 0);
  const [{ rows }] = await store.query('select count(*)::int as rows from bench_effect');
  if (rows !== events) throw new RangeError(`${events} events left ${rows} effects`);
  return { perSecond: events / (took / 1_000) };
}
