// The event log beside its peers, on one PostgreSQL and one Kafka, in one run.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { appendRows, storeRows } from './append.mjs';
import { inboxRow } from './inbox.mjs';
import { machine, table } from './measure.mjs';
import { EVENT, META, startParts, versions } from './parts.mjs';
import { relayRow } from './relay.mjs';

const FOLDER = join(import.meta.dirname, 'peers');
const HEAD = ['Ours', 'Peer', 'Ours/s', 'Peer/s', 'Of the peer: median (range)', 'Target', 'A call of ours: p50, p99'];

export async function run({ rounds, seconds, events }) {
  const peers = installedPeers();
  const parts = await startParts();
  try {
    const say = (row) => (console.error(`  ${row.cells.join('  ')}`), row);
    const url = await parts.database();
    const rows = (await appendRows(url, { rounds, seconds })).map(say);
    const api = { url: await parts.database(), peerUrl: await parts.database({ bare: true }), peers };
    rows.push(...(await storeRows(api, { rounds, seconds })).map(say));
    rows.push(say(await relayRow({ url: await parts.database(), brokers: parts.brokers }, { rounds, events })));
    const fewer = Math.max(events / 5, 200);
    rows.push(say(await inboxRow({ url: await parts.database(), brokers: parts.brokers }, { rounds, events: fewer })));

    const bytes = (value) => JSON.stringify(value).length;
    const emmett = peers('./package.json').dependencies['@event-driven-io/emmett-postgresql'];
    console.log(`${machine()}; ${await versions(url)}, emmett-postgresql ${emmett}.`);
    console.log(
      `${rounds} rounds, interleaved; ${bytes(EVENT.data)} B of data and ${bytes(META)} B of meta an event.\n`,
    );
    console.log(table(HEAD, rows.map(({ cells }) => cells))); // prettier-ignore
    return rows.every(({ met }) => met);
  } finally {
    await parts.stop();
  }
}

/** Other people's programs, never part of the product: installed at their first use, none of their scripts run. */
function installedPeers() {
  if (!existsSync(join(FOLDER, 'node_modules'))) {
    const options = { cwd: FOLDER, stdio: 'inherit' };
    const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], options);
    if (status !== 0) throw new RangeError(`npm ci failed in ${FOLDER}`);
  }
  return createRequire(join(FOLDER, 'package.json'));
}
