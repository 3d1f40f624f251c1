import { allTopics, contextNumbers, roleOf, type TopicContract } from '@holdfast/contracts';
import { invariant } from '@holdfast/kernel';
import { Client } from 'pg';
import { schemaOf } from './connection';
import { sqlOf } from './schema';

/**
 * Prepares a database for the log and for every service that owns a part of it. The url's user is a superuser. Run again,
 * it adds what the registry has gained since.
 */
export async function setUpStore(options: { url: string; topics?: readonly TopicContract[] }): Promise<void> {
  const stored = (options.topics ?? allTopics).filter((topic) => topic.stored);
  const client = new Client({ connectionString: options.url });
  await client.connect();
  try {
    await client.query('begin');
    // Two set-up programs at once take turns. Roles belong to the server, so another database's set-up may be at it.
    await client.query(`select pg_advisory_xact_lock(hashtext('holdfast set-up'))`);
    await createRole(client, 'es_owner', 'nologin');
    if (!(await schemaExists(client, 'es'))) await client.query(sqlOf('log'));
    for (const topic of stored) {
      await createRole(client, roleOf(topic.owner), 'login');
      await addContext(client, topic);
      await addOwnSchema(client, topic.owner);
    }
    await client.query('commit');
  } finally {
    // Ends an unfinished transaction too.
    await client.end();
  }
}

async function createRole(client: Client, role: string, how: 'login' | 'nologin'): Promise<void> {
  await client.query(`do $$ begin
    create role ${client.escapeIdentifier(role)} ${how};
  exception when duplicate_object or unique_violation then null;
  end $$`);
}

async function schemaExists(client: Client, name: string): Promise<boolean> {
  return (await client.query('select from pg_namespace where nspname = $1', [name])).rowCount === 1;
}

async function addContext(client: Client, { context, owner, prefixes }: TopicContract): Promise<void> {
  const number = contextNumbers[context];
  invariant(number !== undefined, `context ${context} has no number`);
  await client.query('set local role es_owner');
  const { rowCount } = await client.query('select from es.context where context_no = $1', [number]);
  if (rowCount === 0)
    await client.query('call es.add_context($1::smallint, $2, $3, $4::text[])', [
      number,
      context,
      roleOf(owner),
      prefixes,
    ]);
  else
    await client.query('insert into es.prefix select unnest($1::text[]), $2 on conflict do nothing', [
      prefixes,
      number,
    ]);
  await client.query('reset role');
}

async function addOwnSchema(client: Client, service: string): Promise<void> {
  const schema = client.escapeIdentifier(schemaOf(service));
  const role = client.escapeIdentifier(roleOf(service));
  await client.query(`create schema if not exists ${schema} authorization ${role}`);
  const { rows } = await client.query<{ name: string }>('select current_database() as name');
  const database = client.escapeIdentifier(rows[0]?.name ?? '');
  await client.query(`alter role ${role} in database ${database} set search_path = ${schema}`);
}
