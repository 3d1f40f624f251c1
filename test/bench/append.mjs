// The way in of the event store beside the least that any log must do, and beside another event store on PostgreSQL.
import { createRequire } from 'node:module';
import { compared, hammer, interleave } from './measure.mjs';
import { EVENT, login, META, roleOf } from './parts.mjs';

const require = createRequire(import.meta.url);
const { EventStore, uuidV7 } = require('@holdfast/event-store');
const { append } = require('../../libs/event-store/dist/append.js');

const SHAPES = [
  { events: 1, streams: 1, connections: 16, target: 0.3 },
  { events: 100, streams: 1, connections: 4, target: 0.6 },
  { events: 100, streams: 20, connections: 4, target: 0.6 },
];
/** The store's pool has ten connections: both sides get as many callers as that. */
const API_SHAPES = [
  { events: 1, connections: 10 },
  { events: 100, connections: 4 },
];
const CALLS_PER_STREAM = 100;

// A plain multi-row INSERT of the same rows into one table with the same three unique indexes, without heads, outbox,
// expected versions or rights.
const PEER_TABLE = `create sequence peer_gpos; create table peer_event (
  gpos bigint primary key default nextval('peer_gpos'), stream_no bigint not null, version bigint not null,
  id uuid not null unique, at timestamptz not null default clock_timestamp(), type text not null,
  schema_version smallint not null, data json not null, meta json not null, unique (stream_no, version))`;
const PEER_INSERT = {
  name: 'peer',
  text: `insert into peer_event (stream_no, version, id, type, schema_version, data, meta)
         select * from unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::text[], $5::smallint[], $6::json[], $7::json[])`,
};

export async function appendRows(url, { rounds, seconds }) {
  const admin = await login(url, 'holdfast');
  await admin.query(PEER_TABLE);
  const rows = [];
  for (const shape of SHAPES) {
    const connect = (role) => Promise.all(Array.from({ length: shape.connections }, () => login(url, role)));
    const [ours, peers] = [await connect(roleOf('health-monitor')), await connect('holdfast')];
    const [calls, peerCalls] = [ours.map(() => callsOf(shape)), peers.map(() => callsOf(shape))];
    const results = await interleave(rounds, {
      ours: () =>
        hammer(
          ours.map((client, nth) => () => appendAll(client, calls[nth]())),
          seconds,
        ),
      peer: () =>
        hammer(
          peers.map((client, nth) => () => insert(client, peerCalls[nth]())),
          seconds,
        ),
    });
    await Promise.all([...ours, ...peers].map((client) => client.end()));
    const what = `\`es.append\`: ${nameOf(shape)}`;
    rows.push(compared({ what, peer: 'multi-row INSERT', ...shape }, results));
  }
  await admin.end();
  return rows;
}

/** Through the documented API of both, with all that it checks. `peers` finds what is installed beside this file. */
export async function storeRows({ url, peerUrl, peers }, { rounds, seconds }) {
  const store = await EventStore.connect({ url, service: 'health-monitor' });
  const pool = new (peers('pg').Pool)({ connectionString: peerUrl, max: 10 });
  const { getPostgreSQLEventStore } = peers('@event-driven-io/emmett-postgresql');
  pool.on('error', (error) => console.error(error.message));
  const emmett = getPostgreSQLEventStore(peerUrl, { connectionOptions: { pool } });
  await emmett.schema.migrate();
  const rows = [];
  for (const shape of API_SHAPES) {
    const calls = () => Array.from({ length: shape.connections }, () => callsOf({ ...shape, streams: 1 }));
    const ours = calls().map((next) => async () => {
      const [{ stream, version, ids }] = next();
      const events = ids.map(() => EVENT);
      const entry = { stream: `cluster-health-${stream}`, partitionKey: 'alpha', expected: version, events };
      await store.inTransaction((tx) => Promise.resolve(tx.append(entry)), { context: META });
    });
    const theirs = calls().map((next) => async () => {
      const [{ stream, version, ids }] = next();
      const events = ids.map(() => ({ ...EVENT, metadata: META }));
      await emmett.appendToStream(`health-${stream}`, events, { expectedStreamVersion: BigInt(version) });
    });
    const results = await interleave(rounds, {
      ours: () => hammer(ours, seconds),
      peer: () => hammer(theirs, seconds),
    });
    const what = `\`inTransaction\`, \`tx.append\`: ${nameOf({ ...shape, streams: 1 })}`;
    rows.push(compared({ what, peer: 'emmett `appendToStream`', ...shape }, results));
  }
  await emmett.close();
  await pool.end();
  await store.close();
  return rows;
}

let streams = 0;

/** Each connection writes streams of its own: what is measured is the way in, not a fight for one head. */
function callsOf(shape) {
  let heads = [];
  let calls = 0;
  return () => {
    // A new set of streams each 100 calls: histories of a hundred to some thousand events.
    if (calls++ % CALLS_PER_STREAM === 0) heads = Array.from({ length: shape.streams }, () => [(streams += 1), 0]);
    return heads.map((head) => {
      const [stream, version] = head;
      const ids = Array.from({ length: shape.events / shape.streams }, () => uuidV7());
      head[1] += ids.length;
      return { stream, version, ids };
    });
  };
}

const dataText = JSON.stringify(EVENT.data);

function staged({ stream, version, ids }) {
  const events = ids.map((id) => ({ id, type: EVENT.type, schemaVersion: 1, dataText, meta: META }));
  return { stream: `cluster-health-${stream}`, partitionKey: 'alpha', expected: version, events };
}

/** What was refused is no append: its rate would be worth nothing. */
async function appendAll(client, call) {
  const verdicts = await append(client, call.map(staged));
  const refused = verdicts.find(({ outcome }) => outcome !== 'appended');
  if (refused) throw new RangeError(`an append ended as ${refused.outcome}`);
}

function insert(client, call) {
  const rows = call.flatMap(({ stream, version, ids }) => ids.map((id, n) => [stream, version + n + 1, id]));
  const column = (n) => rows.map((row) => row[n]);
  const same = (value) => rows.map(() => value);
  const metas = rows.map(() => JSON.stringify(META));
  const values = [column(0), column(1), column(2), same(EVENT.type), same(1), same(dataText), metas];
  return client.query({ ...PEER_INSERT, values });
}

function nameOf({ events, streams: over, connections }) {
  const many = events === 1 ? '1 event' : `${events} events to ${over} stream${over > 1 ? 's' : ''}`;
  return `${many}, ${connections} callers`;
}
