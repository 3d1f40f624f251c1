import type { EventStore } from '@holdfast/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { rowsTableOf, type Projection } from '../projections/projection';

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

/** json, not jsonb, keeps a row's fields as they were written: equal folds have equal text. */
export const rowsTable = (table: string): string => `
  create table if not exists ${table} (key text collate "C" primary key, body json not null);
  create index if not exists ${table}_subject on ${table} ((body->>'subject'))`;

/** A table for every projection of this build; a new one begins at the feed's first event. */
export async function createRows(store: EventStore, projections: readonly Projection[]): Promise<void> {
  await store.inTransaction(async (tx) => {
    for (const { name } of projections) {
      await tx.query(rowsTable(rowsTableOf(name)));
      await tx.query('insert into projection (name) values ($1) on conflict do nothing', [name]);
    }
  });
}
