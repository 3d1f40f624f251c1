import { EventStore, HaltedScopes1764115200200, Timers } from '@holdfast/event-store';
import { BatchTransport, guardRegression, Inbox, KafkaLink, Relay, Samples } from '@holdfast/messaging';
import { AdminServer, nestLogger } from '@holdfast/observability';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { BalancerConfig } from './config';
import { type DueTimer, DueTimers } from './due-timers';
import { FleetRows1764115200100 } from './fleet-rows';
import { LoadBalancerModule } from './load-balancer.module';
import { gaugeOfRegression, readinessChecks, ServiceStatus } from './service-status';

const SERVICE = 'load-balancer';

export interface LoadBalancer {
  readonly admin: AdminServer;
  stop(): Promise<void>;
}

/** The whole process, from its store to its consumers. */
export async function startLoadBalancer(config: BalancerConfig): Promise<LoadBalancer> {
  const url = config.HOLDFAST_DATABASE_URL.reveal();
  const store = await EventStore.connect({
    url,
    service: SERVICE,
    tables: { migrations: [FleetRows1764115200100, HaltedScopes1764115200200] },
  });
  const kafka = new KafkaLink({ brokers: config.HOLDFAST_KAFKA_BROKERS, clientId: SERVICE });
  const inbox = new Inbox({ store, kafka, consumer: 'main', numbers: config });
  const relay = new Relay({ store, kafka, numbers: config });
  const parts = { store, kafka, inbox };
  const admin = await AdminServer.start({
    ...{ port: config.HOLDFAST_ADMIN_PORT, bind: config.HOLDFAST_ADMIN_BIND, checks: readinessChecks(parts) },
    portFile: config.HOLDFAST_ADMIN_PORT_FILE,
  });
  const status = new ServiceStatus(parts, new Samples({ kafka, service: SERVICE }), admin);
  gaugeOfRegression(store);

  // Until it is known that the store still holds what it once published, nothing is decided.
  const guard = guardRegression({ store, kafka });
  await guard.check();
  const module = LoadBalancerModule.of({ store, inbox, takenMs: config.HOLDFAST_BALANCER_TAKEN_MS });
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

  return {
    admin,
    async stop() {
      admin.drain();
      status.stop();
      guard.stop();
      await timers.stop();
      await app.close(); // The batch in hand is finished.
      inbox.stop();
      await relay.stop(); // What it decided is sent.
      await kafka.stop();
      await store.close();
      await admin.stop();
    },
  };
}
