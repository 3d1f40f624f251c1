import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureTopics, KafkaLink } from '@holdfast/messaging/agent';
import { NbdClient } from '@holdfast/nbd';
import { startKafka, type RunningKafka } from '@holdfast/testing';
import { SERVING_PORT } from './engine.driver';
import { ControlPlane, NodeProcess } from './node-process.fixture';

/** For specs: two nodes of one cluster as real processes, a real broker, and the spec in the place of the services. */
export class ProcessCluster {
  readonly root = mkdtempSync('/var/tmp/holdfast-nodes-');
  readonly medium = join(this.root, 'medium/alpha');
  broker!: RunningKafka;
  plane!: ControlPlane;
  n1!: NodeProcess;
  n2!: NodeProcess;
  readonly nodes: NodeProcess[] = [];
  private readonly runId = randomUUID();
  private kafka?: KafkaLink;
  private readonly network = 1 + Math.floor(Math.random() * 250);

  /** `env`: of the nodes, beside what makes them nodes. */
  async start(env: Record<string, string> = {}): Promise<void> {
    mkdirSync(this.medium, { recursive: true });
    this.broker = await startKafka({ dir: join(this.root, 'kafka'), quickStart: true });
    const { brokers } = this.broker;
    await ensureTopics([brokers], { partitions: 4 });
    this.kafka = new KafkaLink({ brokers: [brokers], clientId: 'spec' });
    this.plane = new ControlPlane(this.kafka);
    await this.plane.listen();
    this.n1 = this.startNode(1, { env });
    this.n2 = this.startNode(2, { env });
    await this.plane.until(() =>
      this.nodes.every(({ o: { nodeId } }) => this.plane.events('NodeInventoryReported', nodeId).length > 0),
    );
  }

  /** `root`: of a node that shares its medium with nobody. */
  startNode(
    number: number,
    { root = this.root, env = {} }: { root?: string; env?: Record<string, string> },
  ): NodeProcess {
    const addresses = { dataAddress: this.address(100 + number), servingAddress: this.address(number) };
    const of = { runId: this.runId, brokers: this.broker.brokers, root, env };
    const node = new NodeProcess({ ...of, ...addresses, nodeId: `n${number}` });
    this.nodes.push(node);
    node.start();
    return node;
  }

  async clear(): Promise<void> {
    for (const node of this.nodes) while (node.processes().length) node.signalAll('SIGKILL');
    await this.plane?.stop();
    await this.kafka?.stop();
    await this.broker?.kill();
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Each node serves at an address of its own, so that the kernel is not the hidden fence. */
  address(node: number): string {
    return `127.78.${this.network}.${node}`;
  }

  get addresses(): string[] {
    return [this.address(1), this.address(2)];
  }

  connect(node: number, volume = 'v1'): Promise<NbdClient> {
    return NbdClient.connect({ host: this.address(node), port: SERVING_PORT }, volume, { timeoutMs: 2_000 });
  }
}
