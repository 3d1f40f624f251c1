// What the gateway knew then, beside what it knows now: the same questions over HTTP, in turn, on one feed.
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { machine, quantile, table } from './measure.mjs';
import { FLEET, FOUNDED, writeFeed } from './feed-story.mjs';
import { login, roleOf } from './parts.mjs';

const require = createRequire(import.meta.url);
const express = require('express');
const { freshDatabase, temporaryPostgres } = require('@holdfast/testing');
const { EventStore, setUpStore } = require('@holdfast/event-store');
const gateway = (file) => require(`../../apps/gateway/dist/${file}.js`);
const { Feed } = gateway('feed/feed');
const { Projector } = gateway('feed/projector');
const { Rebuilder } = gateway('feed/rebuild');
const { createRows, FeedLookups1764115200003, placeOf } = gateway('feed/tables');
const { Api } = gateway('http/api');
const { projections } = gateway('projections/index');
const { routes } = gateway('routes/index');
const { LatestSamples } = gateway('samples/latest');
const { Views } = gateway('views/views');

const HEAD = ['Asked for', 'Now: p50, p95', 'As of: p50, p95', 'As of / now (p50)', 'Target'];
const TARGET_MS = 500;
/** Of each question, so many times now and so many times at a random position. */
const TIMES = 60;
/** Only to be through with it sooner. */
const FOLDED_AT_ONCE = 5_000;

export async function run({ events = 1_000_000 }) {
  // Specs do without the disk, what is measured does not; but how fast it is filled is not the question.
  const settings = { fsync: 'on', synchronous_commit: 'off', max_wal_size: '4GB' };
  const postgres = await temporaryPostgres({ settings });
  const closing = [() => postgres.stop()];
  try {
    const url = await freshDatabase(postgres, setUpStore);
    const tables = { migrations: [FeedLookups1764115200003] };
    const store = await EventStore.connect({ url, service: 'gateway', tables });
    closing.push(() => store.close());
    const client = await login(url, roleOf('gateway'));
    closing.push(() => client.end());
    const story = await timed(`${events.toLocaleString('en')} events written`, () => writeFeed(client, events));
    const feed = new Feed(store);
    const projector = new Projector(store, feed, projections, FOLDED_AT_ONCE);
    closing.push(() => projector.stop());
    await createRows(store, projections);
    await timed('folded', () => follow(projector, events));
    const rebuilt = await timed('systems rebuilt', () => new Rebuilder(store, feed, projections).rebuild('systems'));
    const sizes = await sizesOf(client);

    const app = serve(
      new Views({ store, feed, projector, samples: new LatestSamples(), freshness: { all: () => [] }, alphaMs: 1 }),
    );
    await once(app, 'listening');
    const rows = [];
    for (const path of pathsOf(story)) rows.push(await measure(`http://127.0.0.1:${app.address().port}`, path, events));
    app.close();

    console.log(
      `${machine()}; ${events.toLocaleString('en')} events, ${sizes}; ${FLEET.nodes} nodes, ${FLEET.systems} systems.`,
    );
    console.log(
      `Rebuilding \`systems\` took ${(rebuilt.durationMs / 1_000).toFixed(1)} s, hash identical: ${rebuilt.identical}.\n`,
    );
    console.log(table(HEAD, rows.map(({ cells }) => cells))); // prettier-ignore
    return rows.every(({ met }) => met);
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

/** Everything that a user asks of the past: lists, one of them, and its states. */
function pathsOf({ everyTask }) {
  return [
    '/v1/clusters',
    '/v1/nodes?limit=500',
    '/v1/systems?limit=500',
    '/v1/tasks?limit=500',
    '/v1/operations?limit=500',
    '/v1/operations?limit=500&state=running',
    '/v1/nodes/n7',
    '/v1/systems/s1',
    `/v1/tasks/${everyTask[0]}`,
    '/v1/systems/s1/history?limit=500',
  ];
}

function serve(views) {
  const app = express();
  const access = { admit: () => ({ tokenId: 'bench', role: 'admin' }) };
  new Api({ access, views }).mount(app, routes);
  return app.listen(0, '127.0.0.1');
}

async function follow(projector, events) {
  projector.start();
  while (projector.progress.size < projections.length || projector.position() < events) {
    await projector.moved(1_000);
    if (projector.broken().length > 0) throw new RangeError(projector.broken()[0].error);
    process.stderr.write(`\r  folded to ${projector.position().toLocaleString('en')}`);
  }
  process.stderr.write('\n');
}

async function measure(url, path, events) {
  const [now, past] = [[], []];
  const sized = path.includes('?') ? `${path}&` : `${path}?`;
  const hasPast = !path.includes('/history');
  // Once all that is asked for is there: what is not found is no read.
  const first = FOUNDED + Math.ceil((events - FOUNDED) / 50);
  for (let nth = 0; nth < TIMES; nth++) {
    const position = first + Math.floor(((events - first) * (nth + 0.5)) / TIMES);
    now.push(await ask(url + path));
    if (hasPast) past.push(await ask(`${url}${sized}asOf=${position}`));
  }
  const ms = (values, q) => quantile(values, q).toFixed(1);
  const told = (values) => (values.length > 0 ? `${ms(values, 0.5)}, ${ms(values, 0.95)} ms` : '–');
  const judged = hasPast ? past : now;
  const met = quantile(judged, 0.95) <= TARGET_MS;
  const share = hasPast ? (quantile(past, 0.5) / quantile(now, 0.5)).toFixed(2) : '–';
  const cells = [`\`GET ${path}\``, told(now), told(past), share, `p95 ≤ ${TARGET_MS} ms: ${met ? 'met' : 'MISSED'}`];
  console.error(`  ${cells.join('  ')}`);
  return { met, cells };
}

async function ask(url) {
  const began = performance.now();
  const response = await fetch(url);
  const body = await response.text();
  if (response.status !== 200) throw new RangeError(`${url} answered ${response.status}: ${body}`);
  return performance.now() - began;
}

async function timed(what, work) {
  const began = performance.now();
  const value = await work();
  console.error(`  ${what} in ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  return value;
}

async function sizesOf(client) {
  let [rows, states] = [0, 0];
  for (const { name } of projections) {
    const place = placeOf(name);
    const { rows: found } = await client.query(`select (select count(*) from ${place.rows}) as rows, (select count(*) from ${place.history}) as states`); // prettier-ignore
    rows += Number(found[0].rows);
    states += Number(found[0].states);
  }
  return `${rows.toLocaleString('en')} rows, ${states.toLocaleString('en')} history rows`;
}
