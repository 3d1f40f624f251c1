import type { ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { environment, NODE_FLAGS } from './environment';
import { FAULT_SYSTEMS, faultAddress, type NodePlan } from './fleet-plan';
import { spawnDetached } from './part';
import { killAll, processesOf, type RunProcess, signal } from './processes';
import type { RunFolder } from './run-folder';
import { APPS } from './services';

const WATCHDOG_RESTART_MS = 1_000;

export interface NodePids {
  readonly agent: number | null;
  readonly watchdog: number | null;
  readonly probe: number | null;
  readonly daemons: readonly number[];
}

/**
 * The storage nodes of the local fleet. A node is its watchdog, its agent and its daemons. Nobody here repairs one: a
 * dead node stays dead until an operator starts it, as a machine without power would.
 */
export class StorageNodes {
  private readonly watchdogs = new Map<string, ChildProcess>();
  private stopping = false;

  constructor(
    private readonly options: { runId: string; folder: RunFolder; brokers: string },
    readonly plans: readonly NodePlan[],
  ) {}

  async startAll(): Promise<void> {
    await Promise.all(this.plans.map((plan) => this.start(plan.nodeId)));
  }

  has(nodeId: string): boolean {
    return this.plans.some((plan) => plan.nodeId === nodeId);
  }

  async start(nodeId: string): Promise<void> {
    const plan = this.plans.find((other) => other.nodeId === nodeId)!;
    await mkdir(this.options.folder.node(nodeId), { recursive: true });
    await mkdir(join(this.options.folder.medium(plan.clusterId), plan.clusterId), { recursive: true });
    if (!this.lives(nodeId)) this.startWatchdog(plan);
  }

  /** A power cut: watchdog, agent and daemons, at one blow. */
  kill(nodeId: string): Promise<number> {
    return killAll(() => this.processes(nodeId));
  }

  /** A machine that hangs: everything of it stands still and keeps what it holds. */
  pause(nodeId: string): number {
    const processes = this.processes(nodeId);
    for (const { pid } of processes) signal(pid, 'SIGSTOP');
    return processes.length;
  }

  resume(nodeId: string): number {
    const paused = this.processes(nodeId).filter(({ state }) => state === 'stopped');
    for (const { pid } of paused) signal(pid, 'SIGCONT');
    return paused.length;
  }

  lives(nodeId: string): boolean {
    return this.processes(nodeId).length > 0;
  }

  state(nodeId: string): 'running' | 'paused' | 'dead' {
    const processes = this.processes(nodeId);
    if (processes.length === 0) return 'dead';
    return processes.every(({ state }) => state === 'stopped') ? 'paused' : 'running';
  }

  async stopAll(): Promise<void> {
    this.stopping = true;
    await killAll(() => this.table().filter(({ nodeId }) => nodeId !== undefined));
  }

  /** Who is who, from one look at the process table. */
  pids(table: readonly RunProcess[], nodeId: string): NodePids {
    const own = table.filter((process) => process.nodeId === nodeId);
    const script = (name: string) =>
      own.find(({ command }) => command.some((word) => word.endsWith(`node-agent/dist/${name}.js`)))?.pid ?? null;
    const daemons = own.filter(({ command }) => basename(command[0] ?? '') === DAEMON);
    const probe = daemons.find(isProbe);
    return {
      agent: script('main'),
      watchdog: script('watchdog'),
      probe: probe?.pid ?? null,
      daemons: daemons.filter((daemon) => daemon !== probe).map(({ pid }) => pid),
    };
  }

  table(): RunProcess[] {
    return processesOf(this.options.runId);
  }

  private processes(nodeId: string): RunProcess[] {
    return this.table().filter((process) => process.nodeId === nodeId);
  }

  private startWatchdog(plan: NodePlan): void {
    const { runId, folder, brokers } = this.options;
    const name = `node-${plan.nodeId}`;
    const env = () =>
      environment(runId, {
        HOLDFAST_AGENT_CLUSTER_ID: plan.clusterId,
        HOLDFAST_AGENT_NODE_ID: plan.nodeId,
        HOLDFAST_AGENT_STATE_DIR: folder.node(plan.nodeId),
        HOLDFAST_AGENT_MEDIUM: folder.medium(plan.clusterId),
        HOLDFAST_AGENT_DATA_ADDRESS: plan.dataAddress,
        // All nodes are one host here: what the kernel took is safe from the death of any of them.
        HOLDFAST_AGENT_FLUSH: process.env['HOLDFAST_AGENT_FLUSH'] ?? 'os',
        HOLDFAST_KAFKA_BROKERS: brokers,
        HOLDFAST_STORAGE_DAEMON: process.env['HOLDFAST_STORAGE_DAEMON'],
        HOLDFAST_AGENT_SERVING_ADDRESS_MAP:
          process.env['HOLDFAST_TEST_MODE'] === '1' ? faultAddresses(plan) : undefined,
      });
    const args = [...NODE_FLAGS, join(APPS, 'node-agent/dist/watchdog.js')];
    const watchdog = spawnDetached({ name, command: process.execPath, args, env, logFile: folder.log(name) });
    this.watchdogs.set(plan.nodeId, watchdog);
    watchdog.once('exit', () => setTimeout(() => this.watchdogEnded(plan), WATCHDOG_RESTART_MS));
  }

  /** A watchdog alone is brought back; with its agent gone as well, the node is dead and stays so. */
  private watchdogEnded(plan: NodePlan): void {
    const pids = this.pids(this.table(), plan.nodeId);
    if (!this.stopping && pids.agent !== null && pids.watchdog === null) this.startWatchdog(plan);
  }
}

const DAEMON = basename(process.env['HOLDFAST_STORAGE_DAEMON'] ?? 'qemu-storage-daemon');

function faultAddresses({ dataAddress }: NodePlan): string {
  return FAULT_SYSTEMS.map((systemId) => `${systemId}=${faultAddress(dataAddress, systemId)}`).join(',');
}

/** The folder of a serving daemon, named on its command line, ends in its epoch. The probe daemon has none. */
function isProbe({ command }: RunProcess): boolean {
  return !command.some((word) => /\.e\d+\/pid$/.test(word));
}
