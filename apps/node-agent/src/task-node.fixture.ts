import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { randomUUID } from 'node:crypto';
import { Facts } from './facts';
import { Journal } from './journal';
import type { HeardOrder } from './order.rules';
import { endPrivateDaemons } from './private-daemon';
import { fillFromBackup } from './restore';
import { Serving } from './serving';
import type { NodeEngine } from './take-up';
import { Tasks, type HeardTask } from './tasks';

interface Told {
  type: string;
  data: Record<string, unknown>;
}

type Said = { told: Told } | { observed: Record<string, unknown> } | { up: true };
type Heard =
  { order: HeardTask } | { serve: HeardOrder } | { recall: { taskId: string; epoch: number } } | { end: string };

/** For specs: the part of an agent that works, in a process of its own that can be killed and paused; no broker. */
export class TaskNode {
  readonly told: Told[] = [];
  readonly observed: Record<string, unknown>[] = [];
  private waiting: (() => void)[] = [];

  private constructor(
    readonly nodeId: string,
    readonly child: ChildProcess,
  ) {
    child.on('message', (said: Said) => {
      if ('told' in said) this.told.push(said.told);
      if ('observed' in said) this.observed.push(said.observed);
      for (const look of this.waiting) look();
    });
  }

  static async start(root: string, nodeId: string, address: string): Promise<TaskNode> {
    const file = resolve(__dirname, '../dist/task-node.fixture.js');
    const child = fork(file, [root, nodeId, address], { env: { ...process.env, HOLDFAST_LOG_LEVEL: 'fatal' } });
    const node = new TaskNode(nodeId, child);
    await once(child, 'message');
    return node;
  }

  say(heard: Heard): void {
    this.child.send(heard);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  find(type: string, epoch: number): Told['data'] | undefined {
    return this.told.find((one) => one.type === type && one.data['epoch'] === epoch)?.data;
  }

  async untilTold(type: string, epoch: number): Promise<Told['data']> {
    await this.until(() => this.find(type, epoch) !== undefined);
    return this.find(type, epoch)!;
  }

  until(holds: () => boolean): Promise<void> {
    return new Promise((done) => {
      const look = () => {
        if (!holds()) return;
        this.waiting = this.waiting.filter((other) => other !== look);
        done();
      };
      this.waiting.push(look);
      look();
    });
  }
}

async function beNode(root: string, nodeId: string, address: string): Promise<void> {
  const state = join(root, nodeId);
  const incarnation = randomUUID();
  const say = (said: Said) => process.send!(said);
  const journal = await Journal.open(join(state, 'journal'));
  const facts = new Facts(journal, { clusterId: 'alpha', nodeId, incarnation });
  const node: NodeEngine = {
    foldAbove: 8,
    ...{ nodeId, mediumFolder: join(root, 'medium/alpha'), runFolder: join(state, 'run'), addressOf: () => address },
    engine: { binary: 'qemu-storage-daemon', flush: 'os' },
  };
  await endPrivateDaemons(node.runFolder);
  const observed = (sample: object) => say({ observed: { ...sample } });
  const common = { node, incarnation, journal, facts, observed, log: () => undefined };
  const tasks = new Tasks(common);
  const serving = new Serving({ ...common, watchdogAlive: () => true, fill: fillFromBackup({ node, observed }) });
  let known = journal.state.facts.length;
  facts.onTold(() => {
    for (const { type, data } of journal.state.facts.slice(known)) say({ told: { type, data: { ...data } } });
    known = journal.state.facts.length;
  });
  process.on('message', (heard: Heard) => {
    if ('order' in heard) void tasks.order(heard.order);
    if ('serve' in heard) void serving.order(heard.serve);
    if ('recall' in heard) void tasks.recall(heard.recall);
    if ('end' in heard) void tasks.end(heard.end);
  });
  process.on('disconnect', () => process.exit());
  say({ up: true });
}

if (require.main === module) void beNode(...(process.argv.slice(2) as [string, string, string]));
