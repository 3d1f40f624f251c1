import { allTopics, roleOf } from '@holdfast/contracts';
import type { Client } from 'pg';
import { append } from './append';
import { loggedIn, sightLost, type StoreSuite, storeSuite } from './fixtures';
import { setUpStore } from './set-up-store';
import { uuidV7 } from './uuid';

const stored = allTopics.filter((topic) => topic.stored);

function call(stream: string, data: object = sightLost().data) {
  const meta = { correlationId: uuidV7(), causationId: uuidV7() };
  const event = { id: uuidV7(), type: 'ClusterSightLost', schemaVersion: 1, dataText: JSON.stringify(data), meta };
  return [{ stream, partitionKey: 'alpha', expected: null, events: [event] }];
}

describe('rights in the database itself', () => {
  let suite: StoreSuite;
  const clients = new Map<string, Client>();
  const as = (service: string) => clients.get(service) as Client;

  beforeAll(async () => {
    suite = await storeSuite();
    for (const { owner } of stored) {
      await suite.connect(owner);
      clients.set(owner, await loggedIn(suite.url, roleOf(owner)));
    }
    await append(as('health-monitor'), call('cluster-health-alpha'));
  });

  afterAll(async () => {
    for (const client of clients.values()) await client.end();
    await suite.stop();
  });

  const forbidden = ['es.event', 'es.stream', 'es.event_health', 'es.stream_health'].flatMap((table) => [
    `insert into ${table} select * from ${table}`,
    `update ${table} set key = key`,
    `delete from ${table}`,
    `truncate ${table}`,
    `drop table ${table}`,
  ]);

  it.each(stored.map(({ owner }) => owner))('%s can change no event and no head by a statement', async (owner) => {
    for (const statement of forbidden) {
      const text = statement.includes('event') ? statement.replace('key = key', 'data = data') : statement;
      await expect(as(owner).query(text)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it.each([
    ['load-balancer', 'select * from es.event_health'],
    ['load-balancer', 'delete from es.outbox_health'],
    ['load-balancer', 'select * from health_monitor.timer'],
    ['health-monitor', 'insert into es.outbox_health values (2, 1)'],
    ['health-monitor', 'truncate es.outbox_health'],
    ['health-monitor', 'set role es_owner'],
    ['health-monitor', 'alter table es.event_health disable trigger all'],
    ['health-monitor', `call es.add_context(9::smallint, 'other', 'holdfast_health_monitor', '{system}')`],
    ['health-monitor', 'create table es.mine (x int)'],
  ])('%s may not: %s', async (service, statement) => {
    await expect(as(service).query(statement)).rejects.toMatchObject({ code: '42501' });
  });

  it('lets an owner read its events and take acknowledged rows from its outbox', async () => {
    await expect(as('health-monitor').query('select * from es.event_health')).resolves.toMatchObject({ rowCount: 1 });
    await expect(as('health-monitor').query('delete from es.outbox_health')).resolves.toMatchObject({ rowCount: 1 });
  });

  it('refuses a stream of another owner, whoever calls', async () => {
    await expect(append(as('load-balancer'), call('cluster-health-alpha'))).rejects.toMatchObject({ code: 'HF001' });
    await expect(append(as('health-monitor'), call('system-s1'))).rejects.toMatchObject({ code: 'HF001' });
    await expect(append(as('health-monitor'), call('cluster-health'))).rejects.toMatchObject({ code: 'HF001' });
  });

  it('refuses a key over 200 bytes and an event over 512 KiB, without this library before it', async () => {
    const long = `cluster-health-${'x'.repeat(186)}`;
    await expect(append(as('health-monitor'), call(long))).rejects.toMatchObject({ code: '23514' });
    const large = { text: 'x'.repeat(524_288) };
    await expect(append(as('health-monitor'), call('cluster-health-a', large))).rejects.toMatchObject({
      code: '23514',
    });
  });

  it('is set up again without a change, and gains what the registry gained', async () => {
    await setUpStore({ url: suite.url });
    const [health] = stored.filter(({ context }) => context === 'health');
    if (health === undefined) throw new Error('no health topic');
    await setUpStore({ url: suite.url, topics: [{ ...health, prefixes: [...health.prefixes, 'health-later'] }] });
    await expect(append(as('health-monitor'), call('health-later-1'))).resolves.toMatchObject([
      { outcome: 'appended' },
    ]);
  });
});
