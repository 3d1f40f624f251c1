import { EventStore, setUpStore } from '@holdfast/event-store';
import { ensureTopics, KafkaLink, Relay, Samples } from '@holdfast/messaging';
import { readConfig } from '@holdfast/observability';
import { freshDatabase, startKafka, temporaryPostgres, type Postgres, type RunningKafka } from '@holdfast/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { config } from '../config';
import { startGateway, type RunningGateway } from '../gateway';
import { AT } from './told';

export const ADMIN = 'first-admin-secret-of-this-spec';

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, never> & {
    operation: { id: string; state: string };
    code: string;
    items: Record<string, unknown>[];
  };
}

interface Asking {
  body?: unknown;
  token?: string;
  headers?: object;
}

export const node = (nodeId: string, address: number) => ({
  clusterId: 'alpha',
  nodeId,
  zone: 'z1',
  dataAddress: `127.9.0.${address}`,
  engineVersion: '7.2',
  capacity: { bytesPerSec: 1e8 },
});

export const system = (systemId: string) => ({
  systemId,
  clusterId: 'alpha',
  volumes: [{ volumeId: 'v1', sizeBytes: 1_048_576 }],
});

/** A gateway on a PostgreSQL and a broker of its own, and somebody who answers as the load-balancer would. */
export class GatewaySuite {
  gateway!: RunningGateway;
  private balancer!: { store: EventStore; relay: Relay; link: KafkaLink; samples: Samples };

  private constructor(
    readonly postgres: Postgres,
    readonly kafka: RunningKafka,
    readonly url: string,
    readonly folder: string,
  ) {}

  static async start(): Promise<GatewaySuite> {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-gateway-'));
    const [postgres, kafka] = await Promise.all([
      temporaryPostgres(),
      startKafka({ dir: join(folder, 'kafka'), quickStart: true }),
    ]);
    const url = await freshDatabase(postgres, setUpStore);
    await ensureTopics([kafka.brokers], { partitions: 4 });
    const suite = new GatewaySuite(postgres, kafka, url, folder);
    const store = await EventStore.connect({ url, service: 'load-balancer' });
    const link = new KafkaLink({ brokers: [kafka.brokers], clientId: 'load-balancer' });
    const samples = new Samples({ kafka: link, service: 'load-balancer' });
    suite.balancer = { store, link, samples, relay: new Relay({ store, kafka: link }) };
    suite.balancer.relay.start();
    suite.gateway = await startGateway(suite.settings());
    await suite.until(
      () => suite.get('/v1/access-tokens'),
      ({ status, body }) => status === 200 && body.items.length === 1,
    );
    await suite.post('/v1/clusters', { clusterId: 'alpha', name: 'Alpha', addressRanges: ['127.9.1.0/24'] });
    return suite;
  }

  /** All of it, whatever fails on the way: a broker left behind would run on for ever. */
  async stop(): Promise<void> {
    const closing = [
      () => this.gateway.stop(),
      () => this.balancer.relay.stop(),
      () => this.balancer.link.stop(),
      () => this.balancer.store.close(),
      () => this.kafka.stop(),
      () => this.postgres.stop(),
      () => rm(this.folder, { recursive: true, force: true }),
    ];
    const failures: unknown[] = [];
    for (const close of closing) await close().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, 'not everything could be closed');
  }

  environment(): Record<string, string> {
    return {
      HOLDFAST_DATABASE_URL: this.url,
      HOLDFAST_KAFKA_BROKERS: this.kafka.brokers,
      HOLDFAST_GATEWAY_PORT: '0',
      HOLDFAST_GATEWAY_ADMIN_TOKEN: ADMIN,
      HOLDFAST_REQUEST_UNANSWERED_SEC: '1',
    };
  }

  settings(more: Record<string, string> = {}) {
    return readConfig(config, { ...this.environment(), ...more });
  }

  async call(method: string, path: string, { body, token, headers }: Asking = {}): Promise<Answer> {
    const response = await fetch(this.gateway.url + path, {
      method,
      headers: {
        authorization: `Bearer ${token ?? ADMIN}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: JSON.parse(text || '{}') as Answer['body'] };
  }

  get(path: string, token?: string): Promise<Answer> {
    return this.call('GET', path, token === undefined ? {} : { token });
  }

  post(path: string, body: unknown, headers: object = {}): Promise<Answer> {
    return this.call('POST', path, { body, headers });
  }

  /** Asks until it holds: rows follow their events by some milliseconds. */
  async until<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
    for (;;) {
      const answer = await ask();
      if (holds(answer)) return answer;
      await this.gateway.projector.moved(500);
    }
  }

  /** Until the store was compared with what it once published: only then is anything new appended. */
  async appending(): Promise<void> {
    await this.until(() => Promise.resolve(this.gateway.store.appendGate.open), Boolean);
  }

  /** What the load-balancer and an agent tell of a system that they bring up. */
  async serve(systemId: string, requestId: string): Promise<void> {
    const at = AT;
    const ofTask = {
      clusterId: 'alpha',
      taskId: `serve-${systemId}`,
      kind: 'serve',
      subject: `system/${systemId}`,
      at,
    };
    const { volumes } = system(systemId);
    const address = '127.9.1.1';
    const spec = { systemId, address, volumes, create: true };
    const order = {
      ...ofTask,
      nodeId: 'n1',
      nodeIncarnation: null,
      epoch: 1,
      spec,
      placement: null,
      cause: 'admitted',
    };
    const registered = { systemId, clusterId: 'alpha', address, volumes, requestId, at };
    await this.tell({ stream: `system-${systemId}`, partitionKey: systemId }, requestId, [
      { type: 'SystemRegistered', data: registered },
    ]);
    await this.tell({ stream: 'routing-table-alpha', partitionKey: 'alpha' }, requestId, [
      { type: 'TaskAssigned', data: order },
      { type: 'TaskStartConfirmed', data: { ...ofTask, nodeId: 'n1', epoch: 1, tookMs: 50, created: true } },
    ]);
  }

  /** On the routing table of alpha, in answer to this request. */
  decide(requestId: string, ...events: { type: string; data: unknown }[]): Promise<void> {
    const decided = events.map(({ type, data }) => ({ type, data: data as object }));
    return this.tell({ stream: 'routing-table-alpha', partitionKey: 'alpha' }, requestId, decided);
  }

  /** What an agent tells each second of a task of alpha. */
  observe(data: object): void {
    this.balancer.samples.send({ type: 'TaskProgressObserved', data: { clusterId: 'alpha', ...data } }, 'alpha');
  }

  /** As the load-balancer would: on its own streams, sent by its own relay. */
  async tell(
    of: { stream: string; partitionKey: string },
    requestId: string,
    events: { type: string; data: object }[],
  ): Promise<void> {
    const context = { correlationId: requestId, causationId: requestId };
    await this.balancer.store.inTransaction(async (tx) => tx.append({ ...of, expected: null, events }), { context });
  }
}
