// The relay, from committed events to Kafka's answer, beside a producer that has the same records ready in memory.
import { createRequire } from 'node:module';
import { compared, interleave } from './measure.mjs';
import { EVENT, META, PARTITIONS, topics } from './parts.mjs';

const require = createRequire(import.meta.url);
const { Kafka, logLevel } = require('kafkajs');
const { EventStore } = require('@holdfast/event-store');
const { KafkaLink, Relay } = require('@holdfast/messaging');
const { encodeEvent, partitionOf } = require('@holdfast/messaging/agent');

const SERVICE = topics.health.owner;
/** As many records as the relay puts into one request. */
const REQUEST = 1_000;
const LOOK_EVERY_MS = 5;

export async function relayRow({ url, brokers }, { rounds, events }) {
  const store = await EventStore.connect({ url, service: SERVICE });
  const streams = await fill(store, events);
  const link = new KafkaLink({ brokers: [brokers], clientId: 'bench-relay' });
  const relay = new Relay({ store, kafka: link });
  relay.start();
  await untilSent(store);

  const producer = new Kafka({ brokers: [brokers], clientId: 'bench-peer', logLevel: logLevel.ERROR }).producer();
  await producer.connect();
  const records = await Promise.all(streams.map(async (stream) => (await store.read(stream)).map(recordOf)));
  const results = await interleave(rounds, {
    ours: async () => {
      await unsend(store, streams);
      return timed(events, () => untilSent(store));
    },
    peer: () => timed(events, () => Promise.all(records.map((all, partition) => sendAll(producer, all, partition)))),
  });
  await relay.stop();
  await link.stop();
  await producer.disconnect();
  await store.close();
  const what = `relay: ${events.toLocaleString('en')} unsent events, ${PARTITIONS} partitions`;
  return compared({ what, peer: 'kafkajs producer, acks = all', target: 0.85 }, results);
}

/** One stream for each partition. */
async function fill(store, events) {
  const streams = [];
  for (let n = 0; streams.filter(Boolean).length < PARTITIONS; n += 1) {
    const partitionKey = `c${n}`;
    const partition = partitionOf(partitionKey, PARTITIONS);
    if (streams[partition]) continue;
    const stream = (streams[partition] = `cluster-health-${partitionKey}`);
    const batch = Array.from({ length: 500 }, () => EVENT);
    for (let version = 0; version < events / PARTITIONS; version += batch.length)
      await store.inTransaction(
        (tx) => Promise.resolve(tx.append({ stream, partitionKey, expected: version, events: batch })),
        { context: META },
      );
  }
  return streams;
}

/** All at once, as one commit would leave them; then the relay is woken as by that commit. */
async function unsend(store, streams) {
  await store.inTransaction(async (tx) => {
    for (const stream of streams) await tx.query('select es.resend($1, 1, 10000)', [stream]);
  });
  await store.resend(streams[0], 1, 1);
}

async function untilSent(store) {
  const unsent = async () => (await store.query(`select from es.outbox_${store.context} limit 1`)).length > 0;
  while (await unsent()) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}

const recordOf = (event) => encodeEvent({ ...event, source: `/services/${SERVICE}` });

async function sendAll(producer, records, partition) {
  for (let at = 0; at < records.length; at += REQUEST) {
    const messages = records.slice(at, at + REQUEST).map((record) => ({ ...record, partition }));
    await producer.send({ topic: topics.health.name, acks: -1, messages });
  }
}

async function timed(events, work) {
  const began = performance.now();
  await work();
  return { perSecond: events / ((performance.now() - began) / 1_000) };
}
