import { roleOf } from '@holdfast/contracts';
import { logger } from '@holdfast/observability';
import { type Pool, type PoolClient, types } from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { GatewayTables1764115200002, ServiceTables1764115200001 } from './schema';

/** A service's own tables: TypeORM entities, and the schema changes that make them. */
export interface OwnTables {
  entities?: DataSourceOptions['entities'];
  migrations?: readonly (new () => object)[];
}

const INT8 = 20;
/** Versions and positions stay far below 2^53. */
const parsers = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? Number : (types.getTypeParser(oid, format) as (value: string) => unknown),
};

/** The schema of a service, owned by its role. */
export function schemaOf(service: string): string {
  return service.replaceAll('-', '_');
}

export function dataSourceOf(url: string, service: string, own: OwnTables = {}): DataSource {
  const { hostname, port, password, pathname } = new URL(url);
  return new DataSource({
    type: 'postgres',
    host: hostname,
    port: Number(port || 5432),
    username: roleOf(service),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    schema: schemaOf(service),
    applicationName: `holdfast-${service}`,
    installExtensions: false,
    poolSize: 10,
    connectTimeoutMS: 5_000,
    poolErrorHandler: (error: Error) => logger('store').warn({ error: error.message }, 'idle connection lost'),
    extra: {
      types: parsers,
      statement_timeout: 10_000,
      // A process that stops inside a transaction must not hold the heads of its streams for ever.
      idle_in_transaction_session_timeout: 60_000,
      options: '-c timezone=UTC',
    },
    entities: own.entities ?? [],
    migrationsTableName: 'schema_change',
    migrationsTransactionMode: 'each',
    migrations: [
      ServiceTables1764115200001,
      ...(service === 'gateway' ? [GatewayTables1764115200002] : []),
      ...(own.migrations ?? []),
    ],
  });
}

export function poolOf(dataSource: DataSource): Pool {
  return (dataSource.driver as PostgresDriver).master as Pool;
}

/** Under a lock, for the old process of a service may still end while the new one starts. */
export async function changeSchema(dataSource: DataSource): Promise<void> {
  const client: PoolClient = await poolOf(dataSource).connect();
  try {
    await client.query(`select pg_advisory_lock(hashtext('schema'), hashtext(current_user))`);
    await dataSource.runMigrations();
  } finally {
    // Ends the session, and the lock with it.
    client.release(true);
  }
}
