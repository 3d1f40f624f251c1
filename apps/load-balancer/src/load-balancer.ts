import { topics } from '@holdfast/contracts';
import { EventStore, HaltedScopes1764115200200, Timers } from '@holdfast/event-store';
import {
  BatchTransport,
  endService,
  guardRegression,
  Inbox,
  KafkaLink,
  readinessOf,
  Relay,
  Samples,
  ServiceStatus,
} from '@holdfast/messaging';
import { AdminServer, nestLogger } from '@holdfast/observability';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { BalancerConfig } from './config';
import { CheckpointRows1764115200300 } from './checkpoint-rows';
import { type DueTimer, DueTimers } from './due-timers';
import { FleetRows1764115200100, NodeInventories1764115200400, NodeMaintenance1764133200500 } from './fleet-rows';
import { LoadBalancerModule } from './load-balancer.module';

const SERVICE = 'load-balancer';

export interface LoadBalancer {
  readonly admin: AdminServer;
  stop(): Promise<void>;
}

/** What it keeps beside its streams. */
export const tables = {
  migrations: [
    FleetRows1764115200100,
    HaltedScopes1764115200200,
    CheckpointRows1764115200300,
    NodeInventories1764115200400,
    NodeMaintenance1764133200500,
  ],
};

/** The whole process, from its store to its consumers. */
export async function startLoadBalancer(config: BalancerConfig): Promise<LoadBalancer> {
  const url = config.HOLDFAST_DATABASE_URL.reveal();
  const store = await EventStore.connect({ url, service: SERVICE, tables });
  const kafka = new KafkaLink({ brokers: config.HOLDFAST_KAFKA_BROKERS, clientId: SERVICE });
  const inbox = new Inbox({ store, kafka, consumer: 'main', numbers: config });
  const relay = new Relay({ store, kafka, numbers: config });
  const admin = await AdminServer.start({
    port: config.HOLDFAST_ADMIN_PORT,
    bind: config.HOLDFAST_ADMIN_BIND,
    portFile: config.HOLDFAST_ADMIN_PORT_FILE,
    checks: readinessOf({ store, kafka, reads: [topics.requests, topics.health, topics.nodes, topics.samples] }),
  });
  const samples = new Samples({ kafka, service: SERVICE });
  const status = new ServiceStatus({ store, kafka, inbox, samples, admin });

  // Until it is known that the store still holds what it once published, nothing is decided.
  const guard = guardRegression({ store, kafka });
  await guard.check();
  const module = LoadBalancerModule.of({
    ...{ store, inbox, samples, takenMs: config.HOLDFAST_BALANCER_TAKEN_MS },
    usualBytesPerSec: config.HOLDFAST_BALANCER_TASK_BYTES_PER_SEC,
  });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, {
    strategy: new BatchTransport({ kafka, groupId: SERVICE }),
    logger: nestLogger(),
  });
  const dueTimers = app.get(DueTimers);
  const timers = new Timers(store, (...[, , command, tx]) => dueTimers.fire(tx, command as DueTimer));
  relay.start();
  await app.listen();
  timers.start();
  status.start();

  const finishWork = async () => {
    await timers.stop();
    await app.close();
  };
  return { admin, stop: () => endService({ admin, status, guard, inbox, relay, kafka, store }, finishWork) };
}
