import { setUpStore } from '@holdfast/event-store';
import { ensureTopics, KafkaLink } from '@holdfast/messaging/agent';
import { readConfig } from '@holdfast/observability';
import { freshDatabase, type Postgres, type RunningKafka, startKafka, temporaryPostgres } from '@holdfast/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { balancerConfig } from './config';
import { type LoadBalancer, startLoadBalancer } from './load-balancer';
import { World } from './world-fixture';

/** Parts for a whole spec, and for each of its tests a cluster that nobody has heard of yet. */
export function useParts(
  eachTest: (its: { readonly parts: Parts; readonly world: World }) => void,
  environment: Record<string, string> = {},
): void {
  let parts: Parts;
  let world: World;
  beforeAll(async () => {
    parts = await Parts.start(environment);
  });
  afterAll(() => parts.stop());
  beforeEach(async () => {
    world = await parts.newCluster();
    eachTest({ parts, world });
  });
  afterEach(() => world.stop());
}

/** A load-balancer on a PostgreSQL and a Kafka of its own, and the worlds that speak with it. */
export class Parts {
  private balancer: LoadBalancer | undefined;
  private clusters = 0;

  private constructor(
    private readonly dir: string,
    private readonly kafka: RunningKafka,
    private readonly postgres: Postgres,
    private readonly environment: Record<string, string>,
    private readonly link: KafkaLink,
  ) {}

  static async start(environment: Record<string, string>): Promise<Parts> {
    const dir = await mkdtemp(join(tmpdir(), 'holdfast-balancer-'));
    const [kafka, postgres] = await Promise.all([startKafka({ dir, quickStart: true }), temporaryPostgres()]);
    await ensureTopics([kafka.brokers], { partitions: 1 });
    const link = new KafkaLink({ brokers: [kafka.brokers], clientId: 'world' });
    const url = await freshDatabase(postgres, setUpStore);
    const given = { HOLDFAST_DATABASE_URL: url, HOLDFAST_KAFKA_BROKERS: kafka.brokers, ...environment };
    const parts = new Parts(dir, kafka, postgres, given, link);
    await parts.startBalancer();
    return parts;
  }

  get adminPort(): number | undefined {
    return this.balancer?.admin.port;
  }

  async startBalancer(): Promise<void> {
    this.balancer = await startLoadBalancer(readConfig(balancerConfig, this.environment));
  }

  async stopBalancer(): Promise<void> {
    await this.balancer?.stop();
  }

  /** A cluster that nobody has heard of yet: c1, c2 … */
  async newCluster(): Promise<World> {
    this.clusters += 1;
    const world = new World(this.link, `c${this.clusters}`);
    await world.start();
    const addressRanges = [`127.40.${this.clusters}.0/29`];
    await world.request('ClusterRegistered', { clusterId: world.clusterId, name: 'one', addressRanges });
    return world;
  }

  async stop(): Promise<void> {
    await this.stopBalancer();
    await this.link.stop();
    await Promise.all([this.kafka.kill(), this.postgres.stop()]);
    await rm(this.dir, { recursive: true, force: true });
  }
}
