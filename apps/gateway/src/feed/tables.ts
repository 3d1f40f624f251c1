import type { EventStore, Tx } from '@holdfast/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { historyTableOf, rowsTableOf, type Endless, type Projection } from '../projections/projection';
import { listed, orderBy } from './paging';

/** What the gateway keeps beside the feed itself. All but `accepted_request` could be made again from the feed. */
export class FeedLookups1764115200003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table feed_subject (subject text collate "C", position bigint not null, primary key (subject, position))`);
    await runner.query(`create index feed_id on feed (id)`);
    await runner.query(`create index feed_correlation on feed ((meta->>'correlationId'))`);
    // What was answered to a request, in the append's own transaction: readable at once, the same for every repeat.
    await runner.query(`
      create table accepted_request (
        request_id uuid primary key, body_hash text not null, operation json, at timestamptz not null default now())`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table feed_subject, accepted_request; drop index feed_id, feed_correlation');
  }
}

/** Where a projection is kept: its rows as they stand, and all that they ever were. */
export interface Place {
  readonly rows: string;
  readonly history: string;
}

/** Its own tables, or those of a rebuild under way. */
export function placeOf(name: string, rebuilding = false): Place {
  const suffix = rebuilding ? '_next' : '';
  return { rows: rowsTableOf(name) + suffix, history: historyTableOf(name) + suffix };
}

/** Where a state ends: what stands has no end yet. */
const UNTIL = 'coalesce(to_position, 9223372036854775807)';

/**
 * The rows of a projection as they stand, or as they stood once the event at a position had been folded. What stood then
 * is found by its range; where a page is read `inOrder`, an index that has the order passes over what came later.
 */
export function rowsAt(name: string, position?: number, inOrder = false): string {
  if (position === undefined) return rowsTableOf(name);
  const stood = inOrder
    ? `from_position <= ${position} and ${UNTIL} > ${position}`
    : `int8range(from_position, to_position) @> ${position}::bigint`;
  return `(select key, body from ${historyTableOf(name)} where ${stood} and body is not null) as stood`;
}

/**
 * json, not jsonb, keeps a row's fields as they were written: equal folds have equal text. Indexes have no names of their
 * own, so that a table can be renamed alone.
 */
export async function createEmpty(place: Place, { endless }: Projection, tx: Tx): Promise<void> {
  const { rows, history } = place;
  await tx.query(`drop table if exists ${rows}, ${history}`);
  await tx.query(`create table ${rows} (key text collate "C" primary key, body json not null)`);
  await tx.query(`create index on ${rows} ((body->>'subject'))`);
  // From the event that made the row so, until the one that made it otherwise. No end: so it stands. No body: no such row.
  await tx.query(`create table ${history} (
    key text collate "C", from_position bigint, to_position bigint, body json, primary key (key, from_position))`);
  await tx.query(`create unique index on ${history} (key) where to_position is null`);
  // All that stood at one position, however much there was before and after it.
  await tx.query(`create index on ${history} using gist (int8range(from_position, to_position))`);
  if (endless) await indexPages(place, endless, tx);
}

/** A page in the usual order, now and as of then. Tables of an older build get these with their next rebuild. */
async function indexPages({ rows, history }: Place, list: Endless, tx: Tx): Promise<void> {
  const [order, where] = [orderBy(list, list.sort), listed(list)];
  for (const columns of [order, `(body->>'${list.filter}'), ${order}`]) {
    await tx.query(`create index on ${rows} (${columns}) where ${where}`);
    // With its time in it, so that the states of another time are passed over without being read.
    await tx.query(`create index on ${history} (${columns}, from_position, (${UNTIL})) where ${where}`);
  }
}

/** Tables for every projection of this build. One that lacks its own begins at the feed's first event. */
export async function createRows(store: EventStore, projections: readonly Projection[]): Promise<void> {
  for (const projection of projections) {
    const { name } = projection;
    const place = placeOf(name);
    await store.inTransaction(async (tx) => {
      const [found] = await tx.query<{ whole: boolean }>(
        'select to_regclass($1) is not null and to_regclass($2) is not null as whole',
        [place.rows, place.history],
      );
      if (!found?.whole) await createEmpty(place, projection, tx);
      await tx.query(
        `insert into projection (name) values ($1) on conflict (name) do ${found?.whole ? 'nothing' : 'update set position = 0'}`,
        [name],
      );
    });
  }
}
