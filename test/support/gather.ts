import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { decodeRecords } from '../../apps/node-agent/src/journal-records';
import type { FleetFile } from '../../apps/lab/src/fleet-file';
import type { Claim, Evidence, JournalLine, StoredId } from '../invariants/evidence';
import type { Fleet } from './fleet';

/** All that there is to look at once the fleet is clean: the feed, the stores, the journals, the claims. */
export async function gather(
  fleet: Fleet,
  clients: Pick<Evidence, 'ledger' | 'wrongBlocks'> & Partial<Pick<Evidence, 'probes'>>,
): Promise<Evidence> {
  const { file } = fleet;
  const storedBefore = await storedIds(file.database.url);
  // What is in the stores now is published within moments; only what stays away is lost.
  await fleet.until('the feed has all that the stores had', 20_000, async () => {
    const seen = new Set((await fleet.events()).map(({ stream, version }) => `${stream}@${version}`));
    return storedBefore.every(({ stream, version }) => seen.has(`${stream}@${version}`));
  });
  const log = await fleet.events();
  return {
    log,
    stored: await storedIds(file.database.url),
    storedBefore,
    journals: file.nodes.flatMap(({ nodeId }) => journalOf(nodeId)),
    claims: file.clusters.flatMap(claimsOn),
    probes: [],
    ...clients,
  };
}

async function storedIds(url: string): Promise<StoredId[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ stream: string; version: string; id: string }>(
      `select s.key as stream, e.version, e.id from es.event e join es.stream s using (context_no, stream_no)`,
    );
    return rows.map(({ stream, version, id }) => ({ stream, version: Number(version), id }));
  } finally {
    await client.end();
  }
}

function journalOf(nodeId: string): JournalLine[] {
  const folder = process.env['HOLDFAST_RUN_DIR'] ?? '.holdfast/run';
  const { records } = decodeRecords(readFileSync(join(folder, 'nodes', nodeId, 'journal')));
  return records.flatMap((record): JournalLine[] => {
    if (record.k === 'effect') return [{ nodeId, kind: 'effect', ...record }];
    if (record.k === 'epoch') return [{ nodeId, kind: 'epoch', ...record }];
    if (record.k === 'order') return [{ nodeId, kind: 'epoch', route: record.order.taskId, epoch: record.order.epoch }];
    return [];
  });
}

function claimsOn({ mediumPath }: FleetFile['clusters'][number]): Claim[] {
  return entries(mediumPath).flatMap((systemId) =>
    entries(join(mediumPath, systemId, 'claims'))
      .filter((name) => name.endsWith('.json'))
      .map((name) => {
        const claim = JSON.parse(readFileSync(join(mediumPath, systemId, 'claims', name), 'utf8')) as Claim;
        return { systemId, epoch: Number(name.slice(0, -'.json'.length)), nodeId: claim.nodeId };
      }),
  );
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
