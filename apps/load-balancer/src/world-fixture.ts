import { contractOf, topicOf, topics } from '@holdfast/contracts';
import { invariant } from '@holdfast/kernel';
import { encodeEvent, type IncomingEvent, KafkaLink, readPartition, type WireRecord } from '@holdfast/messaging/agent';
import { randomUUID } from 'node:crypto';

/** All streams of these specs share one partition: what one test hears is in one order. */
const PARTITION = 0;

interface Order {
  readonly nodeId: string;
  readonly taskId: string;
  readonly epoch: number;
}

/** Everybody else, on the wire: gateway, health-monitor, and agents that obey unless told to be silent. */
export class World {
  readonly heard: IncomingEvent[] = [];
  private readonly versions = new Map<string, number>();
  private readonly journals = new Map<string, string>();
  private readonly silent = new Set<string>();
  private waiting: (() => void)[] = [];
  private reader: { stop(): Promise<void> } | undefined;

  constructor(
    private readonly link: KafkaLink,
    readonly clusterId: string,
  ) {}

  /** Named after the cluster, so that no test meets another's. */
  node(suffix: string): string {
    return `${this.clusterId}-${suffix}`;
  }

  get systemId(): string {
    return `s-${this.clusterId}`;
  }

  /** Of serving the system. */
  get taskId(): string {
    return `serve-${this.systemId}`;
  }

  async start(): Promise<void> {
    this.reader = await readPartition({
      ...{ kafka: this.link, topics: [topics.placement.name], partition: PARTITION, from: {} },
      onBatch: async (batch) => {
        for (const record of batch.decoded()) if (record.kind === 'event') await this.hear(record);
      },
    });
  }

  async stop(): Promise<void> {
    await this.reader?.stop();
  }

  silence(nodeId: string): void {
    this.silent.add(nodeId);
  }

  /** As the gateway. */
  request(type: string, data: object, key = this.clusterId): Promise<string> {
    const requestId = randomUUID();
    const asked = { requestId, actor: { tokenId: randomUUID(), role: 'admin' }, dryRun: false };
    const to = { stream: `request-${requestId}`, key, source: '/services/gateway', correlationId: requestId };
    return this.tell(to, type, { ...asked, ...data }).then(() => requestId);
  }

  /** As the health-monitor. */
  health(type: string, data: object): Promise<WireRecord> {
    const { clusterId } = this;
    const to = { stream: `cluster-health-${clusterId}`, key: clusterId, source: '/services/health-monitor' };
    return this.tell(to, type, { clusterId, at: new Date().toISOString(), ...data });
  }

  /** As the agent of a node. */
  agent(nodeId: string, type: string, data: object): Promise<WireRecord> {
    return this.agentAt(this.versionOf(nodeId) + 1, nodeId, { type, data });
  }

  /** The same at a version of one's choice, for what comes out of order. */
  agentAt(version: number, nodeId: string, { type, data }: { type: string; data: object }): Promise<WireRecord> {
    const { clusterId } = this;
    const journal = this.journals.get(nodeId) ?? randomUUID();
    this.journals.set(nodeId, journal);
    const to = { stream: `agent-${nodeId}-${journal}`, key: clusterId, source: `/nodes/${nodeId}`, version };
    const told = { clusterId, nodeId, incarnation: journal, at: new Date().toISOString() };
    return this.tell(to, type, { ...told, ...data });
  }

  /** The very same record once more, as after a broker's or a relay's fault. */
  again(topic: string, record: WireRecord): Promise<void> {
    return this.link.send(topic, PARTITION, [record]);
  }

  versionOf(nodeId: string): number {
    return this.versions.get(`agent-${nodeId}-${this.journals.get(nodeId)}`) ?? 0;
  }

  async opens(nodeId: string): Promise<void> {
    const capacity = { bytesPerSec: 1_000 };
    const joined = { nodeId, zone: 'z1', dataAddress: '127.0.0.1', engineVersion: '7.2', capacity };
    await this.request('NodeJoined', { clusterId: this.clusterId, ...joined });
    await this.recovers(nodeId);
    await this.until('NodeOpened', { nodeId });
  }

  /** The system is asked for, with a volume of 1 KiB. */
  create(): Promise<string> {
    const volumes = [{ volumeId: 'a', sizeBytes: 1024 }];
    return this.request('SystemRequested', { systemId: this.systemId, clusterId: this.clusterId, volumes });
  }

  /** The system is served by node a, with node b open beside it. */
  async servedByA(): Promise<void> {
    await this.opens(this.node('a'));
    await this.create();
    await this.until('TaskStartConfirmed', { taskId: this.taskId });
    await this.opens(this.node('b'));
  }

  recovers(nodeId: string): Promise<WireRecord> {
    const recovered = {
      fromStatus: 'joining',
      incarnation: randomUUID(),
      holdMs: 0,
      declaredWrongly: false,
      ownPauseMs: 0,
    };
    return this.health('NodeRecovered', { nodeId, ...recovered });
  }

  fails(nodeId: string): Promise<WireRecord> {
    const evidence = { rule: 'twoPeersFail', peers: [], lateNodes: 1, limit: 1 };
    const silence = { lastHeartbeatAt: null, silentMs: null, incarnation: null };
    return this.health('NodeDeclaredDown', { nodeId, reason: 'heartbeatTimeout', ...silence, evidence });
  }

  /** The first event of the type, from the `since`th heard on, whose data has these fields. */
  async until(
    type: string,
    fields: object = {},
    since = 0,
  ): Promise<IncomingEvent & { data: Record<string, unknown> }> {
    for (;;) {
      const found = this.heard.slice(since).find((event) => event.type === type && has(event.data, fields));
      if (found) return found as IncomingEvent & { data: Record<string, unknown> };
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  private async hear(event: IncomingEvent): Promise<void> {
    this.heard.push(event);
    for (const wake of this.waiting.splice(0)) wake();
    const order = event.data as Order;
    if (this.silent.has(order.nodeId)) return;
    const { taskId, epoch } = order;
    if (event.type === 'TaskAssigned' || event.type === 'TaskMoved') {
      await this.agent(order.nodeId, 'TaskTaken', { taskId, epoch, tookMs: 12 });
    }
    if (event.type === 'TaskRecalled') {
      await this.agent(order.nodeId, 'TaskStopped', { taskId, epoch, token: null, doneBytes: 0 });
    }
    if (event.type === 'PointOrdered') {
      const { systemId, pointId } = event.data as { systemId: string; pointId: string };
      const volumes = [{ volumeId: 'a', files: ['a.1.e1.qcow2'] }];
      const point = { taskId, systemId, epoch, pointId, k: 1, volumes, frozenMs: 3 };
      await this.agent(order.nodeId, 'PointFrozen', point);
    }
    if (event.type === 'BackupDeletionOrdered') {
      const { systemId, pointId } = event.data as { systemId: string; pointId: string };
      await this.agent(order.nodeId, 'BackupDeleted', { systemId, pointId });
    }
    if (event.type === 'SystemRemovalOrdered') {
      const { systemId } = event.data as { systemId: string };
      await this.agent(order.nodeId, 'SystemRemoved', { systemId, epoch });
    }
  }

  private async tell(
    to: { stream: string; key: string; source: string; correlationId?: string; version?: number | undefined },
    type: string,
    data: object,
  ): Promise<WireRecord> {
    const last = this.versions.get(to.stream) ?? 0;
    const version = to.version ?? last + 1;
    this.versions.set(to.stream, Math.max(last, version));
    const contract = contractOf(type);
    const topic = topicOf(to.stream);
    invariant(contract?.kind === 'event' && topic, `${type} on ${to.stream}`);
    const record = encodeEvent({
      ...{ stream: to.stream, partitionKey: to.key, version, id: randomUUID(), at: new Date().toISOString(), type },
      ...{ schemaVersion: contract.version, dataText: JSON.stringify(contract.schema.parse(data)), source: to.source },
      meta: { correlationId: to.correlationId ?? randomUUID() },
    });
    await this.link.send(topic.name, PARTITION, [record]);
    return record;
  }
}

function has(data: unknown, fields: object): boolean {
  return Object.entries(fields).every(([name, value]) => (data as Record<string, unknown>)[name] === value);
}
