// One PostgreSQL and one Kafka of our own for the event log's benchmarks, and the event that all of them write.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const { Client } = require('pg');
const { freshDatabase, startKafka, temporaryPostgres } = require('@holdfast/testing');
const { setUpStore, uuidV7 } = require('@holdfast/event-store');
const { ensureTopics } = require('@holdfast/messaging');
export const { roleOf, topics } = require('@holdfast/contracts');

export const PARTITIONS = 4;

/** A usual one: a node was silent at its deadline. */
export const EVENT = {
  type: 'NodeSuspected',
  data: {
    clusterId: 'alpha',
    at: '2026-05-01T10:00:05.020Z',
    nodeId: 'alpha-2',
    observerId: 'health-monitor-7f3c2a9e1b4d',
    lastSeq: 84113,
    lastHeartbeatAt: '2026-05-01T10:00:01.020Z',
    deadlineAt: '2026-05-01T10:00:05.020Z',
    watermark: { partition: 2, offset: '991204', at: '2026-05-01T10:00:05.040Z' },
  },
};
export const META = { correlationId: uuidV7(), causationId: uuidV7(), command: 'Bench', actor: { role: 'operator' } };

export async function startParts() {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
  // Specs do not wait for the disk. What is measured here does.
  const [postgres, kafka] = await Promise.all([temporaryPostgres({ settings: { fsync: 'on' } }), startKafka({ dir })]);
  await ensureTopics([kafka.brokers], { partitions: PARTITIONS });
  return {
    brokers: kafka.brokers,
    /** A database as a set-up program leaves it; `bare`: an empty one. */
    database: ({ bare = false } = {}) => freshDatabase(postgres, bare ? undefined : setUpStore),
    async stop() {
      await kafka.stop();
      await postgres.stop();
      await rm(dir, { recursive: true });
    },
  };
}

export async function login(url, role) {
  const at = new URL(url);
  at.username = role;
  const client = new Client({ connectionString: at.href });
  client.on('error', (error) => console.error(error.message));
  await client.connect();
  return client;
}

export async function versions(url) {
  const client = await login(url, 'holdfast');
  const { rows } = await client.query('show server_version');
  await client.end();
  const [, kafka] = /<version>(4\.[\d.]+)<\/version>/.exec(readFileSync('infra/kafka/pom.xml', 'utf8'));
  const of = (name) => `${name} ${require(`${name}/package.json`).version}`;
  return `PostgreSQL ${rows[0].server_version}, Kafka ${kafka}, ${of('pg')}, ${of('kafkajs')}`;
}
