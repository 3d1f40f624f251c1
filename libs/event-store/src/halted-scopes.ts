import type { ClusterId } from '@holdfast/contracts';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { Asker } from './reading';
import type { Tx } from './transaction';

/**
 * Where automation is halted: `fleet`, or one cluster. The gateway tells, and each service that acts by itself keeps it in
 * a table of its own, for it must hold while nobody else can be asked.
 */
export class HaltedScopes1764115200200 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Some services had it among their other tables before.
    await runner.query('create table if not exists halted_scope (scope text primary key)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table halted_scope');
  }
}

export async function noteHalted(tx: Tx, scope: string): Promise<void> {
  await tx.query('insert into halted_scope values ($1) on conflict do nothing', [scope]);
}

export async function noteResumed(tx: Tx, scope: string): Promise<void> {
  await tx.query('delete from halted_scope where scope = $1', [scope]);
}

/** In a transaction, or outside of one. */
export async function haltedScopes(via: Asker): Promise<Set<string>> {
  const rows = await via.query<{ scope: string }>('select scope from halted_scope');
  return new Set(rows.map(({ scope }) => scope));
}

/** Halted by its own name, or with the whole fleet. */
export function isHalted(scopes: ReadonlySet<string>, clusterId: ClusterId): boolean {
  return scopes.has(clusterId) || scopes.has('fleet');
}
