// The event log beside its peers, on one PostgreSQL and one Kafka, in one run.
import { appendRows, storeRows } from './append.mjs';
import { inboxRow } from './inbox.mjs';
import { machine, table } from './measure.mjs';
import { EVENT, META, startParts, versions } from './parts.mjs';
import { installedPeers, peerVersion } from './peers.mjs';
import { relayRow } from './relay.mjs';

const HEAD = ['Ours', 'Peer', 'Ours/s', 'Peer/s', 'Of the peer: median (range)', 'Target', 'A call of ours: p50, p99'];

export async function run({ rounds, seconds = 2, events = 20_000 }) {
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
    console.log(`${machine()}; ${await versions(url)}, ${peerVersion('@event-driven-io/emmett-postgresql')}.`);
    console.log(
      `${rounds} rounds, interleaved; ${bytes(EVENT.data)} B of data and ${bytes(META)} B of meta an event.\n`,
    );
    console.log(table(HEAD, rows.map(({ cells }) => cells))); // prettier-ignore
    return rows.every(({ met }) => met);
  } finally {
    await parts.stop();
  }
}
