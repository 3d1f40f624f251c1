import type { ClusterId } from '@holdfast/contracts';
import type { EventStore, Tx } from '@holdfast/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where automation is halted: the gateway tells, this service keeps it in its own row. */
export class HaltedScopes1764115200200 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create table halted_scope (scope text primary key)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table halted_scope');
  }
}

/** The brake that a person pulls: `fleet`, or one cluster. */
export class Halts {
  private scopes = new Set<string>();

  constructor(private readonly store: EventStore) {}

  /** At start, and after a transaction that may have changed it. */
  async load(): Promise<void> {
    const rows = await this.store.query<{ scope: string }>('select scope from halted_scope');
    this.scopes = new Set(rows.map(({ scope }) => scope));
  }

  holds(clusterId: ClusterId): boolean {
    return this.scopes.has('fleet') || this.scopes.has(clusterId);
  }

  async halt(tx: Tx, scope: string): Promise<void> {
    await tx.query('insert into halted_scope values ($1) on conflict do nothing', [scope]);
  }

  async resume(tx: Tx, scope: string): Promise<void> {
    await tx.query('delete from halted_scope where scope = $1', [scope]);
  }
}
