import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The schema lives in plain SQL beside `src` and `dist`, so that it can be read, and run, without this program. */
export function sqlOf(part: 'log' | 'service' | 'gateway'): string {
  return readFileSync(join(__dirname, '..', 'sql', `${part}.sql`), 'utf8');
}

/** What every service keeps in its own schema: inbox, timers, snapshots. */
export class ServiceTables1764115200001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sqlOf('service'));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table inbox_head, inbox_parked, timer, snapshot');
  }
}

/** What the gateway keeps beside: the feed, and how far each projection has folded it. */
export class GatewayTables1764115200002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sqlOf('gateway'));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table feed, projection');
  }
}
