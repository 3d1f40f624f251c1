import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { topics } from '@holdfast/contracts';
import { EventStore, HaltedScopes1764115200200 } from '@holdfast/event-store';
import {
  BatchTransport,
  endService,
  guardRegression,
  Inbox,
  KafkaLink,
  partitionOf,
  readinessOf,
  Relay,
  Samples,
  ServiceStatus,
} from '@holdfast/messaging';
import { AdminServer, nestLogger } from '@holdfast/observability';
import { NestFactory } from '@nestjs/core';
import { Clusters } from './clusters';
import type { HealthConfig } from './config';
import { MEMORY_MS } from './domain/numbers';
import { Roster } from './domain/roster';
import { showGauges } from './gauges';
import { Halts } from './halts';
import { HealthMonitorModule } from './health-monitor.module';
import { Observer } from './observer';
import { Pulse } from './pulse';
import { Rejections } from './rejections';
import { requireLogAppendTime } from './topic-check';

const SERVICE = 'health-monitor';
/** A little more than the memory, so that the memory is whole from the first verdict on. */
const SEEK_BACK_MS = MEMORY_MS + 5_000;

export interface RunningService {
  readonly adminPort: number;
  stop(): Promise<void>;
}

export async function startHealthMonitor(config: HealthConfig): Promise<RunningService> {
  const kafka = new KafkaLink({ brokers: config.HOLDFAST_KAFKA_BROKERS, clientId: SERVICE });
  await requireLogAppendTime(kafka);
  const url = config.HOLDFAST_DATABASE_URL.reveal();
  const tables = { migrations: [HaltedScopes1764115200200] };
  const store = await EventStore.connect({ url, service: SERVICE, tables });
  const samples = new Samples({ kafka, service: SERVICE });
  const inbox = new Inbox({ store, kafka, consumer: 'main', numbers: config });

  const relay = new Relay({ store, kafka, numbers: config });
  const admin = await AdminServer.start({
    port: config.HOLDFAST_ADMIN_PORT,
    bind: config.HOLDFAST_ADMIN_BIND,
    portFile: config.HOLDFAST_ADMIN_PORT_FILE,
    checks: readinessOf({ store, kafka, reads: [topics.samples, topics.requests] }),
  });
  const guard = guardRegression({ store, kafka });
  await guard.check();
  relay.start();

  const watching = await startWatching({ store, kafka, inbox, samples }, config.HOLDFAST_HEALTH_ALPHA_MS);
  const status = new ServiceStatus({ store, kafka, inbox, samples, admin });
  status.start();

  return {
    adminPort: admin.port,
    stop: () => endService({ admin, status, guard, inbox, relay, kafka, store }, () => watching.stop()),
  };
}

interface WatchingParts {
  readonly store: EventStore;
  readonly kafka: KafkaLink;
  readonly inbox: Inbox;
  readonly samples: Samples;
}

/** Reads samples first: a request is answered by what the log says now, so requests wait until that is known. */
async function startWatching({ store, kafka, inbox, samples }: WatchingParts, alphaMs: number) {
  const partitions = await kafka.partitions();
  const clusters = new Clusters(store, new Roster((clusterId) => partitionOf(clusterId, partitions)));
  const halts = new Halts(store);
  await Promise.all([clusters.load(), halts.load()]);
  const rejections = new Rejections();
  const ids = { observerId: `${SERVICE}@${hostname()}`, bootId: randomUUID() };
  const observer = new Observer({ clusters, halts, rejections, partitions, alphaMs, ...ids });
  const pulse = new Pulse(observer, samples);
  showGauges(clusters, observer);

  const module = HealthMonitorModule.with({ inbox, observer, clusters, halts });
  const watcher = await NestFactory.createMicroservice(module, {
    logger: nestLogger(),
    strategy: new BatchTransport({
      kafka,
      groupId: `${SERVICE}-samples`,
      topics: [topics.samples.name],
      fresh: { seekBackMs: SEEK_BACK_MS },
    }),
  });
  await watcher.listen();
  pulse.start();
  await observer.ready;

  const listener = await NestFactory.createMicroservice(module, {
    logger: nestLogger(),
    strategy: new BatchTransport({ kafka, groupId: SERVICE, topics: [topics.requests.name] }),
  });
  await listener.listen();
  return {
    async stop() {
      // Side by side: while Kafka is away each reader takes its time to give it up.
      await Promise.all([listener.close(), pulse.stop(), watcher.close()]);
    },
  };
}
