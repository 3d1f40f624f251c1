import { allTopics } from '@holdfast/contracts';
import { setUpStore } from '@holdfast/event-store';
import { ensureTopics } from '@holdfast/messaging';
import { startKafka, startPostgres } from '@holdfast/testing';
import { StepFailed } from './errors';
import { KeptServer } from './kept-server';
import type { RunFolder } from './run-folder';
import type { Steps } from './steps';

const PARTITIONS = 4;
const POSTGRES = '18.4';
const KAFKA = '4.4.0';

/** Where the services find PostgreSQL and Kafka. A server is ours unless its address was given. */
export interface Backends {
  readonly databaseUrl: string;
  readonly brokers: string;
  readonly postgres?: KeptServer;
  readonly kafka?: KeptServer;
}

interface Start {
  readonly runId: string;
  readonly folder: RunFolder;
  readonly steps: Steps;
}

/** Both at once: Java takes its time, PostgreSQL does not need it. */
export async function startBackends(start: Start): Promise<Backends> {
  const [store, log] = await Promise.allSettled([startStore(start), startLog(start)]);
  // Only now: what one has begun must not be cut off by the failure of the other.
  if (store.status === 'rejected') throw store.reason;
  if (log.status === 'rejected') throw log.reason;
  return { ...store.value, ...log.value };
}

async function startStore({ runId, folder, steps }: Start): Promise<Pick<Backends, 'databaseUrl' | 'postgres'>> {
  const given = process.env['HOLDFAST_DATABASE_URL'];
  const logFile = folder.log('postgres');
  const remedy = 'or set HOLDFAST_DATABASE_URL to a PostgreSQL of yours, 16 or newer';
  const setUp = (url: string) => attempt('the event store is not set up', { remedy }, () => setUpStore({ url }));

  if (given) {
    await steps.step('PostgreSQL given, set up', () => setUp(given));
    return { databaseUrl: given };
  }
  return steps.step(`PostgreSQL ${POSTGRES}, set up`, async () => {
    const options = { dir: folder.postgres(), env: { HOLDFAST_RUN_ID: runId }, detached: true, logFile };
    const server = await attempt('PostgreSQL does not start', { remedy, logFile }, () => startPostgres(options));
    await setUp(server.url);
    return { databaseUrl: server.url, postgres: new KeptServer('postgres', server) };
  });
}

async function startLog({ runId, folder, steps }: Start): Promise<Pick<Backends, 'brokers' | 'kafka'>> {
  const given = process.env['HOLDFAST_KAFKA_BROKERS'];
  const logFile = folder.log('kafka');
  const remedy = 'or set HOLDFAST_KAFKA_BROKERS to a Kafka of yours, 4.0 or newer';
  const topics = (brokers: string) =>
    attempt('the topics cannot be made', { remedy }, () =>
      ensureTopics(brokers.split(','), { partitions: PARTITIONS }),
    );

  if (given) {
    await steps.step('Kafka given, topics', () => topics(given));
    return { brokers: given };
  }
  return steps.step(`Kafka ${KAFKA}, ${allTopics.length} topics of ${PARTITIONS} partitions`, async () => {
    const options = { dir: folder.kafka(), env: { HOLDFAST_RUN_ID: runId }, detached: true, logFile };
    const details = { remedy, logFile };
    const server = await attempt('Kafka does not start', details, () => startKafka(options));
    await topics(server.brokers);
    return { brokers: server.brokers, kafka: new KeptServer('kafka', server) };
  });
}

async function attempt<T>(
  check: string,
  details: { remedy: string; logFile?: string },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new StepFailed(check, { ...details, cause });
  }
}
