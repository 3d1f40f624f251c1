import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { serveSpec } from '@holdfast/contracts';
import { NbdClient } from '@holdfast/nbd';
import { adoptAll } from './adoption';
import { CHAIN_LOCK } from './chain-lock';
import { SERVING_PORT, StorageDaemon } from './engine.driver';
import { MediumInvalid } from './errors';
import { Facts } from './facts';
import { Journal } from './journal';
import type { Fact, ServeOrder } from './journal-records';
import type { HeardOrder } from './order.rules';
import { daemonsBelow, killProcess } from './process-identity';
import { Points } from './points';
import { Serving } from './serving';
import type { NodeEngine } from './take-up';

/** For specs: a medium, and nodes that are agents' parts in this very process, with real daemons. */
export class TestCluster {
  readonly root = mkdtempSync('/var/tmp/holdfast-agent-');
  readonly medium = join(this.root, 'medium', 'alpha');
  /** Of nodes that start from now on. */
  foldAbove = 8;
  private readonly nodes: TestNode[] = [];
  private readonly asleep: ChildProcess[] = [];
  private readonly network = 1 + Math.floor(Math.random() * 250);

  constructor() {
    mkdirSync(this.medium, { recursive: true });
  }

  systemFolder(systemId = 's1'): string {
    return join(this.medium, systemId);
  }

  /** Each node has an address of its own for every system, so that "address in use" is not the hidden fence. */
  address(node: number): string {
    return `127.77.${this.network}.${node}`;
  }

  async node(number: number): Promise<TestNode> {
    const node = await TestNode.start(this, number);
    this.nodes.push(node);
    return node;
  }

  /** Somebody asleep in `chain.lock`. */
  async sleepInLock(systemId = 's1'): Promise<{ wake(): void }> {
    const path = join(this.systemFolder(systemId), CHAIN_LOCK);
    const sleeper = spawn('flock', ['--exclusive', '--no-fork', path, 'cat']);
    this.asleep.push(sleeper);
    sleeper.stdin.write('held\n');
    await once(sleeper.stdout, 'data');
    return { wake: () => void sleeper.stdin.end() };
  }

  async clear(): Promise<void> {
    for (const sleeper of this.asleep) sleeper.kill();
    for (const node of this.nodes) await node.die();
    for (let number = 1; number < 10; number++)
      for (const { identity } of daemonsBelow(join(this.root, `n${number}`, 'run'))) killProcess(identity);
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class TestNode {
  watchdogAlive = true;
  readonly log: string[] = [];

  private constructor(
    readonly cluster: TestCluster,
    readonly number: number,
    readonly incarnation: string,
    private readonly parts: { engine: NodeEngine; journal: Journal; facts: Facts; serving: Serving },
  ) {}

  get journal(): Journal {
    return this.parts.journal;
  }

  get facts(): Facts {
    return this.parts.facts;
  }

  get points(): Points {
    return new Points(this.parts);
  }

  get serving(): Serving {
    return this.parts.serving;
  }

  /** What an agent does at its start. */
  adopt(): Promise<{ systemId: string; epoch: number }[]> {
    const { engine, journal, serving } = this.parts;
    return adoptAll({ node: engine, journal, serving, log: (message) => this.log.push(message) });
  }

  /** The agent's death: its daemons live on. */
  async die(): Promise<void> {
    await this.serving.leave();
    await this.journal.close();
  }

  static async start(cluster: TestCluster, number: number): Promise<TestNode> {
    const nodeId = `n${number}`;
    const state = join(cluster.root, nodeId);
    const incarnation = randomUUID();
    const journal = await Journal.open(join(state, 'journal'));
    const facts = new Facts(journal, { clusterId: 'alpha', nodeId, incarnation });
    const engine: NodeEngine = {
      nodeId,
      mediumFolder: cluster.medium,
      runFolder: join(state, 'run'),
      engine: { binary: 'qemu-storage-daemon', flush: 'os' },
      addressOf: () => cluster.address(number),
      foldAbove: cluster.foldAbove,
    };
    const serving: Serving = new Serving({
      node: engine,
      incarnation,
      journal,
      facts,
      watchdogAlive: () => node.watchdogAlive,
      fill: () => Promise.reject(new MediumInvalid('no backups here')),
      log: (message, details) => node.log.push(`${message} ${JSON.stringify(details)}`),
    });
    const node = new TestNode(cluster, number, incarnation, { engine, journal, facts, serving });
    return node;
  }

  get runFolder(): string {
    return join(this.cluster.root, `n${this.number}`, 'run');
  }

  serve(epoch: number, more: Partial<HeardOrder> & Serve = {}): Promise<void> {
    return this.serving.order({ ...serveOrder(epoch, more), nodeIncarnation: this.incarnation, ...more });
  }

  freeze(pointId: string, { taskId = 't1', epoch = 1 } = {}): Promise<void> {
    return this.points.order({ taskId, systemId: 's1', pointId, epoch });
  }

  told(): { type: string; data: Record<string, unknown> }[] {
    return this.journal.state.facts.map(({ type, data }) => ({ type, data: data as Record<string, unknown> }));
  }

  lastTold(): { type: string; data: Record<string, unknown> } | undefined {
    return this.told().at(-1);
  }

  async untilTold(type: string, where: (fact: Fact) => boolean = () => true): Promise<Fact> {
    for (;;) {
      const found = this.journal.state.facts.find((fact) => fact.type === type && where(fact));
      if (found) return found;
      await new Promise<void>((resolve) => this.facts.onTold(resolve));
    }
  }

  connect(volume = 'v1'): Promise<NbdClient> {
    const host = this.cluster.address(this.number);
    return NbdClient.connect({ host, port: SERVING_PORT }, volume, { timeoutMs: 2_000 });
  }

  daemonPid(): number {
    return this.serving.held()[0]!.daemon.identity.pid;
  }
}

interface Serve {
  create?: boolean;
  systemId?: string;
  pinnedBy?: string[];
}

export function serveOrder(epoch: number, { create = false, systemId = 's1', pinnedBy }: Serve = {}): ServeOrder {
  const volumes = ['v1', 'v2'].map((volumeId) => ({ volumeId, sizeBytes: 8 << 20 }));
  const optional = { ...(create && { create }), ...(pinnedBy && { pinnedBy }) };
  const spec = serveSpec.parse({ systemId, address: '127.77.0.1', volumes, ...optional });
  return { taskId: `serve-${systemId}`, systemId, epoch, spec };
}

/** What happens between a starter's look at claim and list, and its lock. */
export function beforeNextOpen(happens: () => Promise<unknown>): void {
  const open = jest.spyOn(StorageDaemon.prototype, 'open');
  open.mockImplementationOnce(async function (this: StorageDaemon, volume) {
    await happens();
    open.mockRestore();
    return this.open(volume);
  });
}

export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}
