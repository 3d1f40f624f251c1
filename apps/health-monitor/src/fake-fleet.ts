import { randomUUID } from 'node:crypto';
import {
  HeartbeatObserved,
  topics,
  type ClusterId,
  type Incarnation,
  type NodeId,
  type SampleOf,
} from '@holdfast/contracts';
import { encodeEvent, KafkaLink, partitionOf, SampleSender } from '@holdfast/messaging/agent';

/** For integration specs: agents as the observer hears them, and the gateway's words. */
export class FakeNode {
  incarnation = randomUUID() as Incarnation;
  private seq = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly samples: SampleSender;
  /** Answers its peers' probes. */
  answers = true;
  peers: FakeNode[] = [];
  engine: SampleOf<typeof HeartbeatObserved>['data']['engine'] = { state: 'ok', qmpMs: 1 };
  silentSince = 0;

  constructor(
    kafka: KafkaLink,
    readonly clusterId: ClusterId,
    readonly nodeId: NodeId,
  ) {
    this.samples = new SampleSender({ kafka, source: `/nodes/${nodeId}` });
  }

  beat(firstInMs = 0): void {
    clearInterval(this.timer);
    this.timer = setTimeout(() => {
      this.send();
      this.timer = setInterval(() => this.send(), 1_000);
    }, firstInMs);
  }

  /** A power cut: neither beats nor answers. */
  die(): void {
    this.answers = false;
    this.fallSilent();
  }

  fallSilent(): void {
    clearInterval(this.timer);
    this.silentSince = Date.now();
  }

  restart(): void {
    this.incarnation = randomUUID() as Incarnation;
    this.seq = 0;
    this.answers = true;
    this.beat();
  }

  private send(): void {
    const probes = this.peers.map(({ nodeId, answers }) => {
      return { nodeId, outcome: answers ? ('reached' as const) : ('timeout' as const), ageMs: 100, ms: 40 };
    });
    const { clusterId, nodeId, incarnation, engine } = this;
    const idle = { media: [], daemons: [], load: { iops: 0, bytesPerSec: 0, cpuPercent: 0 } };
    const life = { seq: ++this.seq, sentMonotonicMs: performance.now(), watchdogAlive: true, ownPauseMs: 0 };
    const data = { clusterId, nodeId, incarnation, engine, probes, ...life, ...idle };
    this.samples.send({ type: HeartbeatObserved.type, data }, { key: clusterId });
  }
}

export class FakeGateway {
  private readonly versions = new Map<string, number>();

  constructor(private readonly kafka: KafkaLink) {}

  async join(nodes: readonly FakeNode[]): Promise<void> {
    for (const [index, { clusterId, nodeId }] of nodes.entries()) {
      const data = {
        clusterId,
        nodeId,
        zone: 'z1',
        dataAddress: `127.9.0.${index + 1}`,
        engineVersion: '10',
        capacity: { bytesPerSec: 1e8 },
      };
      await this.say(clusterId, `membership-${clusterId}`, { type: 'NodeJoined', data });
    }
  }

  /** Answers with the request's id. */
  async say(key: string, stream: string, { type, data }: { type: string; data: object }): Promise<string> {
    const requestId = randomUUID();
    const version = (this.versions.get(stream) ?? 0) + 1;
    this.versions.set(stream, version);
    const asked = { requestId, actor: { tokenId: randomUUID(), role: 'admin' }, dryRun: false };
    const record = encodeEvent({
      stream,
      partitionKey: key,
      version,
      id: randomUUID(),
      at: new Date().toISOString(),
      type,
      schemaVersion: 1,
      dataText: JSON.stringify({ ...asked, ...data }),
      meta: { correlationId: requestId },
      source: '/services/gateway',
    });
    await this.kafka.send(topics.requests.name, partitionOf(key, await this.kafka.partitions()), [record]);
    return requestId;
  }
}
