import { randomBytes, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { relative } from 'node:path';
import { type Backends, startBackends } from './backends';
import { closingBlock } from './closing';
import { contextPath, enterContext, leaveContext } from './context-file';
import { DemoClients } from './demo-clients';
import { StepFailed } from './errors';
import { AtomicJson, type FleetFile, runIdIn } from './fleet-file';
import { type ClusterPlan, planFleet } from './fleet-plan';
import { FleetView } from './fleet-view';
import { GatewayClient } from './gateway-client';
import { KeeperLink } from './keeper-link';
import { listenOnSocket, socketAnswers } from './lab-socket';
import { carryOut, type Lab, type LabPart } from './lab-verbs';
import { createDemoSystems, engineVersion, nodesOpen, registerFleet } from './membership';
import { killAll, processesOf } from './processes';
import type { RunFolder } from './run-folder';
import { Services } from './services';
import { Steps } from './steps';
import { StorageNodes } from './storage-nodes';

export interface SupervisorOptions {
  readonly folder: RunFolder;
  readonly demo: boolean;
  /** Leave data and logs when it ends. */
  readonly keep: boolean;
}

/** Starts the local fleet part by part, keeps its description true, obeys the lab's verbs, and stops it in reverse. */
export class Supervisor {
  private readonly runId = randomUUID();
  private readonly steps = new Steps();
  private plan: ClusterPlan[] = [];
  private keeper: KeeperLink | undefined;
  private backends: Backends | undefined;
  private services: Services | undefined;
  private nodes: StorageNodes | undefined;
  private view: FleetView | undefined;
  private socket: Server | undefined;
  private gateway: { url: string; token: string } | undefined;
  private readonly clients: DemoClients;

  constructor(private readonly options: SupervisorOptions) {
    this.clients = new DemoClients(this.runId, options.folder.ledger);
  }

  async start(): Promise<void> {
    const { folder, demo } = this.options;
    await this.takeFolder();
    this.backends = await startBackends({ runId: this.runId, folder, steps: this.steps });
    const services = (this.services = new Services(folder, this.runId, this.backends));
    await this.steps.step('health-monitor, load-balancer, gateway ready', () => services.start());
    const client = await this.enter(services);

    const plans = this.plan.flatMap(({ nodes }) => nodes);
    const nodes = (this.nodes = new StorageNodes({ runId: this.runId, folder, brokers: this.backends.brokers }, plans));
    const engine = await engineVersion();
    await this.steps.step(`${this.plan.length} clusters, ${plans.length} nodes joined and open`, async () => {
      await Promise.all([nodes.startAll(), registerFleet(client, this.plan, engine)]);
      await nodesOpen(client, plans.length);
    });
    this.view = this.describe(client, nodes);
    this.socket = await listenOnSocket(folder.socket(), (request) => carryOut(this.lab(), request));
    if (demo) await this.steps.step('demo: systems served, clients writing', () => this.startDemo(client));
    await this.view.start();
    this.close(engine, nodes);
  }

  /** In reverse order; what is left, the keeper takes. */
  async stop({ failed = false } = {}): Promise<void> {
    this.socket?.close();
    this.view?.stop();
    this.clients.stop();
    await this.nodes?.stopAll();
    await this.services?.stop();
    await this.backends?.kafka?.stop();
    await this.backends?.postgres?.stop();
    if (this.gateway) await leaveContext(contextPath(), this.gateway);
    const leftovers = this.options.keep ? [] : this.options.folder.leftovers({ keepLogs: failed });
    this.keeper?.tell({ remove: leftovers });
    await this.keeper?.release();
  }

  private async takeFolder(): Promise<void> {
    const { folder, keep } = this.options;
    if (await socketAnswers(folder.socket()))
      throw new StepFailed(`a fleet runs in ${folder.path}`, {
        remedy: 'stop it with Ctrl-C, or set HOLDFAST_RUN_DIR',
      });
    await sweepEarlierRun(folder);
    await folder.make();
    this.keeper = await KeeperLink.start(this.runId, folder.log('keeper'));
    this.keeper.tell({ remove: keep ? [] : folder.leftovers({ keepLogs: false }) });
    this.plan = planFleet(this.keeper.block);
    // Not in the environment and before the gateway: it issues the token whose secret lies here.
    await writeFile(folder.adminToken(), randomBytes(32).toString('base64url'), { mode: 0o600 });
  }

  private async enter(services: Services): Promise<GatewayClient> {
    const token = await readFile(this.options.folder.adminToken(), 'utf8');
    this.gateway = { url: await services.gatewayUrl(), token };
    await enterContext(contextPath(), this.gateway);
    return new GatewayClient(this.gateway.url, token);
  }

  private async startDemo(client: GatewayClient): Promise<void> {
    for (const system of await createDemoSystems(client, this.plan)) this.clients.start(system);
  }

  private describe(client: GatewayClient, nodes: StorageNodes): FleetView {
    const { folder, demo } = this.options;
    const expected = demo ? this.plan.reduce((count, { systems }) => count + systems.length, 0) : 0;
    return new FleetView({
      runId: this.runId,
      folder,
      gateway: client,
      token: this.gateway!.token,
      backends: this.backends!,
      services: this.services!,
      nodes,
      clusters: this.plan,
      expectedSystems: expected,
      file: new AtomicJson<FleetFile>(folder.fleetFile()),
    });
  }

  private lab(): Lab {
    const { nodes, services, backends, view, clients } = this;
    const parts = new Map<string, LabPart>();
    for (const { nodeId } of nodes!.plans) parts.set(`node/${nodeId}`, nodePart(nodes!, nodeId));
    for (const [name, part] of services!.parts) parts.set(`service/${name}`, part);
    if (backends?.kafka) parts.set('kafka', backends.kafka);
    if (backends?.postgres) parts.set('postgres', backends.postgres);
    return {
      parts: () => parts,
      outlook: (nodeId) => view!.outlook(nodeId),
      summary: () => clients.summary(),
    };
  }

  private close(engine: string, nodes: StorageNodes): void {
    const { view, backends, plan, clients, options, gateway } = this;
    const pids = nodes.plans.map(({ nodeId }) => nodes.pids(nodes.table(), nodeId));
    const first = view!.systems()[0];
    const block = closingBlock({
      readyMs: this.steps.elapsedMs(),
      gatewayUrl: gateway!.url,
      logs: relative(process.cwd(), options.folder.logs()),
      engine,
      daemons: pids.reduce((count, { probe, daemons }) => count + (probe === null ? 0 : 1) + daemons.length, 0),
      given: [...(backends!.postgres ? [] : ['postgres']), ...(backends!.kafka ? [] : ['kafka'])],
      clusters: plan.length,
      nodes: nodes.plans.length,
      systems: view!.systems().length,
      clients: clients.count,
      errors: clients.total.wrong,
      servesFirst: first?.nodeId ? { systemId: first.systemId, nodeId: first.nodeId } : undefined,
    });
    process.stdout.write(`${block}\n`);
  }
}

function nodePart(nodes: StorageNodes, nodeId: string): LabPart {
  return {
    get state() {
      return nodes.state(nodeId);
    },
    kill: () => nodes.kill(nodeId),
    pause: () => nodes.pause(nodeId),
    resume: () => nodes.resume(nodeId),
    start: () => nodes.start(nodeId),
  };
}

/** A start whose supervisor and keeper were both killed: its processes still have its run id. */
async function sweepEarlierRun(folder: RunFolder): Promise<void> {
  const text = await readFile(folder.fleetFile(), 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const runId = runIdIn(text);
  if (runId === undefined)
    throw new StepFailed(`${folder.fleetFile()} is damaged: which processes an earlier run left is not known`, {
      remedy: `end those that \`grep -l HOLDFAST_RUN_ID /proc/[0-9]*/environ\` shows, then remove ${folder.fleetFile()}`,
    });
  const swept = await killAll(() => processesOf(runId));
  if (swept > 0) process.stdout.write(`  swept ${swept} processes of an earlier run\n`);
}
