import { EventStore, Timers } from '@holdfast/event-store';
import {
  BatchTransport,
  endService,
  guardRegression,
  Inbox,
  KafkaLink,
  Relay,
  Samples,
  ServiceStatus,
} from '@holdfast/messaging';
import { AdminServer, logger, nestLogger } from '@holdfast/observability';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { Access } from './access/access';
import { Tokens } from './access/tokens';
import type { Config } from './config';
import { Feed } from './feed/feed';
import { Projector } from './feed/projector';
import { Rebuilder } from './feed/rebuild';
import { createRows, FeedLookups1764115200003 } from './feed/tables';
import { GatewayModule } from './gateway.module';
import { Api } from './http/api';
import { mountOpenPages } from './http/open-pages';
import { join } from './join';
import { projections } from './projections';
import type { Projection } from './projections/projection';
import { Rebuilds } from './requests/rebuilds';
import { Requests } from './requests/requests';
import { RequestWatch } from './requests/watch';
import { routes } from './routes';
import { LatestSamples } from './samples/latest';
import { checksOf, registerGauges } from './status';
import { LiveStreams } from './stream/live-streams';
import { Views } from './views/views';

const SERVICE = 'gateway';

export interface RunningGateway {
  readonly url: string;
  readonly admin: AdminServer;
  readonly store: EventStore;
  readonly projector: Projector;
  readonly feed: Feed;
  stop(): Promise<void>;
}

/** The whole process: what is read at once, then what needs Kafka, so that it answers while Kafka is away. */
export async function startGateway(config: Config, folded = projections): Promise<RunningGateway> {
  const parts = await partsOf(config, folded);
  const { store, kafka, projector, live, tokens, feed, rebuilds } = parts;
  const admin = await AdminServer.start({
    port: config.HOLDFAST_ADMIN_PORT,
    bind: config.HOLDFAST_ADMIN_BIND,
    portFile: config.HOLDFAST_ADMIN_PORT_FILE,
    checks: checksOf(parts),
  });
  registerGauges(parts);
  await tokens.load();
  projector.start();
  const app = await listen(config, parts);
  const url = `http://${config.HOLDFAST_GATEWAY_BIND}:${(app.getHttpServer().address() as AddressInfo).port}`;
  if (config.HOLDFAST_GATEWAY_PORT_FILE) writeFileSync(config.HOLDFAST_GATEWAY_PORT_FILE, new URL(url).port);

  const relay = new Relay({ store, kafka, numbers: config });
  const timers = new Timers(store, (...[stream, name, command, tx]) => parts.watch.due({ stream, name, command }, tx));
  const lagEvents = async () => Math.max(0, (await feed.head()).position - projector.position());
  const status = new ServiceStatus({ ...parts, admin, lagEvents });
  const ending = new AbortController();
  const first = config.HOLDFAST_GATEWAY_ADMIN_TOKEN?.reveal();
  const issueFirst = async () => (first === undefined ? undefined : tokens.issueFirst(first));
  const listenToLog = () => app.startAllMicroservices();
  join({ ...parts, issueFirst, relay, timers, listen: listenToLog, status }, ending.signal).catch((error: unknown) => {
    // What fails after the end fails because of it.
    if (ending.signal.aborted) return;
    logger().fatal({ err: error }, 'the log cannot be followed');
    process.exit(1);
  });

  const finishWork = async () => {
    live.end(); // Listeners are told when to come back.
    await timers.stop();
    await rebuilds.stop();
    await app.close();
    await projector.stop();
  };
  const stop = () => {
    ending.abort();
    return endService({ ...parts, admin, status, relay }, finishWork);
  };
  return { url, admin, store, projector, feed, stop };
}

type Parts = Awaited<ReturnType<typeof partsOf>>;

async function partsOf(config: Config, folded: readonly Projection[]) {
  const url = config.HOLDFAST_DATABASE_URL.reveal();
  const store = await EventStore.connect({ url, service: SERVICE, tables: { migrations: [FeedLookups1764115200003] } });
  await createRows(store, folded);
  const kafka = new KafkaLink({ brokers: config.HOLDFAST_KAFKA_BROKERS.split(','), clientId: SERVICE });
  const guard = guardRegression({ store, kafka });
  const inbox = new Inbox({ store, kafka, consumer: 'feed', numbers: config });
  const samples = new Samples({ kafka, service: SERVICE });
  const feed = new Feed(store);
  const projector = new Projector(store, feed, folded);
  const latest = new LatestSamples();
  const live = new LiveStreams(feed, config.HOLDFAST_STREAM_SAMPLES_PER_SEC);
  const tokens = new Tokens(store);
  const alphaMs = config.HOLDFAST_HEALTH_ALPHA_MS;
  const views = new Views({ store, feed, projector, samples: latest, freshness: kafka.freshness, alphaMs });
  const unansweredSec = config.HOLDFAST_REQUEST_UNANSWERED_SEC;
  const limits = { unansweredSec, outboxEvents: config.HOLDFAST_OUTBOX_LIMIT_EVENTS };
  const requests = new Requests({ store, tokens, feed, projector, limits });
  const rebuilds = new Rebuilds(store, new Rebuilder(store, feed, folded));
  const watch = new RequestWatch(rebuilds, unansweredSec);
  const access = new Access(tokens, store);
  return {
    ...{
      store,
      kafka,
      guard,
      inbox,
      samples,
      feed,
      projector,
      latest,
      live,
      tokens,
      views,
      requests,
      watch,
      rebuilds,
      access,
    },
  };
}

async function listen(config: Config, parts: Parts): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(GatewayModule.of(parts), {
    bodyParser: false,
    forceCloseConnections: true,
    logger: nestLogger(),
  });
  app.disable('x-powered-by');
  const express = app.getHttpAdapter().getInstance();
  const body = { bytes: config.HOLDFAST_GATEWAY_BODY_LIMIT_BYTES, ms: config.HOLDFAST_GATEWAY_REQUEST_TIMEOUT_MS };
  new Api({ ...parts, body }).mount(express, routes);
  mountOpenPages(express, routes);
  const transport = new BatchTransport({ kafka: parts.kafka, groupId: SERVICE });
  app.connectMicroservice<MicroserviceOptions>({ strategy: transport });
  await app.listen(config.HOLDFAST_GATEWAY_PORT, config.HOLDFAST_GATEWAY_BIND);
  return app;
}
