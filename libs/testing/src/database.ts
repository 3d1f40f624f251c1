import { randomUUID } from 'node:crypto';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { type Postgres, type PostgresOptions, startPostgres } from './postgres';

/** Makes a database ready for a suite: `setUpStore` of the event store. */
export type SetUp = (options: { url: string }) => Promise<void>;

/** An empty database of its own on this server, set up; its url. */
export async function freshDatabase(postgres: Pick<Postgres, 'url'>, setUp?: SetUp): Promise<string> {
  const name = `suite_${randomUUID().slice(0, 8)}`;
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  try {
    await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
  const url = postgres.url.replace(/[^/]+$/, name);
  await setUp?.({ url });
  return url;
}

/**
 * What it wrote outlives every kill, for the kernel has it. The disk would only be waited for: at each commit, and file
 * by file at the start after a kill, which takes a second or a minute by what else the disk has to do.
 */
const NO_DISK = { fsync: 'off' };

/** A real PostgreSQL in a folder of its own, for the specs of one file. `stop` leaves nothing of it. */
export async function temporaryPostgres(options: Omit<PostgresOptions, 'dir'> = {}): Promise<Postgres> {
  const base = await mkdtemp(join(tmpdir(), 'holdfast-postgres-'));
  const dir = join(base, 'data');
  const postgres = await startPostgres({ ...options, settings: { ...NO_DISK, ...options.settings }, dir });
  const { stop } = postgres;
  // Assigned, not spread: pid and process are looked up at each use.
  return Object.assign(postgres, {
    stop: async () => {
      await stop();
      // Root's data may lie elsewhere, behind a link.
      await rm(await realpath(dir), { recursive: true });
      await rm(base, { recursive: true, force: true });
    },
  });
}
