// What the append function costs beside the least that any log must do: a plain multi-row INSERT of the same rows into
// one table with the same three unique indexes, without heads, outbox, expected versions or rights.
import { createRequire } from 'node:module';
import { cpus, loadavg } from 'node:os';

const require = createRequire(import.meta.url);
const { Client } = require('pg');
const { freshDatabase, temporaryPostgres } = require('@holdfast/testing');
const { setUpStore, uuidV7 } = require('@holdfast/event-store');
const { roleOf } = require('@holdfast/contracts');
const { append } = require('../../libs/event-store/dist/append.js');

const ROUNDS = 7;
const SECONDS = 2;
const SHAPES = [
  { events: 1, streams: 1, connections: 16, target: 0.3 },
  { events: 100, streams: 1, connections: 4, target: 0.6 },
  { events: 100, streams: 20, connections: 4, target: 0.6 },
];

// About what an event of a cluster's health has.
const dataText = JSON.stringify({ clusterId: 'alpha', at: '2026-05-01T10:00:00.000Z', note: 'x'.repeat(240) });
const meta = { correlationId: uuidV7(), causationId: uuidV7(), command: 'Bench', actor: { role: 'operator' } };

const PEER_TABLE = `create table peer_event (
  gpos bigint primary key default nextval('peer_gpos'), stream_no bigint not null, version bigint not null,
  id uuid not null unique, at timestamptz not null default clock_timestamp(), type text not null,
  schema_version smallint not null, data json not null, meta json not null, unique (stream_no, version))`;

const PEER_INSERT = {
  name: 'peer',
  text: `insert into peer_event (stream_no, version, id, type, schema_version, data, meta)
         select * from unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::text[], $5::smallint[], $6::json[], $7::json[])`,
};

/** Each connection writes streams of its own: what is measured is the way in, not a fight for one head. */
function writerOf(nth, { events, streams }) {
  const versions = new Map();
  const each = events / streams;
  let calls = 0;
  const next = () => {
    calls += 1;
    return Array.from({ length: streams }, (_, index) => {
      // A new set of streams each 100 calls: histories of a few hundred to some thousand events.
      const stream = nth * 1e9 + Math.floor(calls / 100) * streams + index;
      const version = versions.get(stream) ?? 0;
      versions.set(stream, version + each);
      return { stream, version, ids: Array.from({ length: each }, () => uuidV7()) };
    });
  };
  return {
    ours: (client) =>
      append(
        client,
        next().map(({ stream, version, ids }) => ({
          stream: `cluster-health-${stream}`,
          partitionKey: 'alpha',
          expected: version,
          events: ids.map((id) => ({ id, type: 'ClusterSightLost', schemaVersion: 1, dataText, meta })),
        })),
      ),
    peer: (client) => {
      const rows = next().flatMap(({ stream, version, ids }) => ids.map((id, n) => [stream, version + n + 1, id]));
      const column = (n) => rows.map((row) => row[n]);
      const same = (value) => rows.map(() => value);
      const metas = rows.map(() => JSON.stringify(meta));
      return client.query({
        ...PEER_INSERT,
        values: [column(0), column(1), column(2), same('ClusterSightLost'), same(1), same(dataText), metas],
      });
    },
  };
}

async function measure(clients, writers, how) {
  const times = [];
  const until = performance.now() + SECONDS * 1_000;
  const began = performance.now();
  await Promise.all(
    clients.map(async (client, nth) => {
      while (performance.now() < until) {
        const asked = performance.now();
        await writers[nth][how](client);
        times.push(performance.now() - asked);
      }
    }),
  );
  return { perSecond: times.length / ((performance.now() - began) / 1_000), times };
}

const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.floor(q * (values.length - 1))];
const median = (values) => quantile(values, 0.5);

async function login(url, role) {
  const at = new URL(url);
  at.username = role;
  const client = new Client({ connectionString: at.href });
  await client.connect();
  return client;
}

async function compare(url, shape, first) {
  const connect = (role) => Promise.all(Array.from({ length: shape.connections }, () => login(url, role)));
  const [ours, peers] = [await connect(roleOf('health-monitor')), await connect('holdfast')];
  const writers = ours.map((_, nth) => writerOf(first + nth, shape));
  const rounds = [];
  const times = [];
  for (let round = -1; round < ROUNDS; round += 1) {
    // Turn and turn about, so that a busy moment of the machine meets both.
    const turns = round % 2 === 0 ? ['ours', 'peer'] : ['peer', 'ours'];
    const result = {};
    for (const how of turns) result[how] = await measure(how === 'ours' ? ours : peers, writers, how);
    // The first round warms plans and pages.
    if (round < 0) continue;
    rounds.push({ ours: result.ours.perSecond, ratio: result.ours.perSecond / result.peer.perSecond });
    times.push(...result.ours.times);
  }
  await Promise.all([...ours, ...peers].map((client) => client.end()));
  return { rounds, times };
}

export async function run() {
  const postgres = await temporaryPostgres();
  try {
    const url = await freshDatabase(postgres, setUpStore);
    const admin = await login(url, 'holdfast');
    await admin.query('create sequence peer_gpos');
    await admin.query(PEER_TABLE);
    const [{ version }] = (await admin.query('select version()')).rows;
    await admin.end();
    console.log(`${version.split(',')[0]}, pg ${require('pg/package.json').version}, Node ${process.version}`);
    console.log(
      `${cpus().length} cores, load ${loadavg()[0].toFixed(1)}; ${ROUNDS} rounds of ${SECONDS} s, interleaved`,
    );
    console.log(`${dataText.length} B of data, ${JSON.stringify(meta).length} B of meta an event`);
    let met = true;
    for (const [nth, shape] of SHAPES.entries()) {
      const { rounds, times } = await compare(url, shape, (nth + 1) * 100);
      const ratios = rounds.map(({ ratio }) => ratio);
      const eventsPerSecond = Math.round(median(rounds.map(({ ours }) => ours)) * shape.events);
      const range = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
      const ok = median(ratios) >= shape.target;
      met &&= ok;
      console.log(
        `${shape.events} events to ${shape.streams} streams, ${shape.connections} connections: ${eventsPerSecond}/s, ` +
          `${median(ratios).toFixed(2)} of the peer (${range}), target ${shape.target} ${ok ? 'met' : 'MISSED'}; ` +
          `p50 ${median(times).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms`,
      );
    }
    return met;
  } finally {
    await postgres.stop();
  }
}
