import type { Backends } from './backends';
import { AtomicJson, type FleetFile } from './fleet-file';
import type { ClusterPlan } from './fleet-plan';
import type { ClusterView, GatewayClient, NodeView, SystemView, TaskView } from './gateway-client';
import { isServed } from './membership';
import { outlookOf, type FleetSeen, type Outlook } from './outlook';
import type { RunFolder } from './run-folder';
import type { Services } from './services';
import type { StorageNodes } from './storage-nodes';

interface FleetViewOptions {
  readonly runId: string;
  readonly folder: RunFolder;
  readonly gateway: GatewayClient;
  readonly token: string;
  readonly backends: Backends;
  readonly services: Services;
  readonly nodes: StorageNodes;
  readonly clusters: readonly ClusterPlan[];
  readonly expectedSystems: number;
  readonly file: AtomicJson<FleetFile>;
}

/** Twice within the second that `fleet.json` may be behind. */
const LOOK_MS = 400;

/** Looks at the process table and asks the gateway, again and again, and keeps `fleet.json` true. */
export class FleetView {
  private seen: FleetSeen = { clusters: [], nodes: [], systems: [], tasks: [] };
  private answers = false;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private asking = false;
  private targets = '';
  private failure = '';

  constructor(private readonly options: FleetViewOptions) {}

  /** The first look is taken when this returns. */
  async start(): Promise<void> {
    await this.ask();
    await this.look();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  systems(): FleetFile['systems'] {
    return this.seen.systems.map(({ systemId, clusterId, nodeId, exports }) => ({
      systemId,
      clusterId,
      nodeId,
      exports,
    }));
  }

  outlook(nodeId: string): Outlook {
    // Who died a moment ago counts as heard until a heartbeat is late: the process table knows better.
    const runs = (id: string) => this.options.nodes.state(id) === 'running';
    const nodes = this.seen.nodes.map((node) => (runs(node.nodeId) ? node : { ...node, silentMs: Infinity }));
    return outlookOf(nodeId, { ...this.seen, nodes });
  }

  private async look(): Promise<void> {
    // Not awaited: a gateway that hangs must not make the process table old.
    void this.ask();
    try {
      await this.options.file.write(this.describe());
      await this.writeTargets();
      this.failure = '';
    } catch (error) {
      // A disk that is full now ends no fleet: the next look writes again. The same words once, not at each look.
      const { message } = error as Error;
      if (message !== this.failure) process.stderr.write(`fleet.json is behind: ${message}\n`);
      this.failure = message;
    }
    if (!this.stopped) this.timer = setTimeout(() => void this.look(), LOOK_MS);
  }

  /** While the gateway is away, what it said last stands: nothing moves without it. */
  private async ask(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      const { gateway } = this.options;
      const systems = await gateway.list<SystemView>('systems');
      this.seen = {
        systems: systems.sort((a, b) => (a.systemId < b.systemId ? -1 : 1)),
        nodes: await gateway.list<NodeView>('nodes'),
        tasks: await gateway.list<TaskView>('tasks'),
        clusters: await gateway.list<ClusterView>('clusters'),
      };
      this.answers = true;
    } catch {
      this.answers = false;
    } finally {
      this.asking = false;
    }
  }

  private describe(): FleetFile {
    const { runId, folder, gateway, token, backends, services, nodes, clusters } = this.options;
    const table = nodes.table();
    return {
      ready: this.ready(),
      runId,
      gateway: { url: gateway.url, token },
      kafka: { brokers: backends.brokers, pid: backends.kafka?.pid ?? null },
      database: { url: backends.databaseUrl, pid: backends.postgres?.pid ?? null },
      services: [...services.parts.values()].map(({ name, pid }) => ({ name, pid, log: folder.log(name) })),
      clusters: clusters.map(({ clusterId }) => ({
        clusterId,
        mediumPath: `${folder.medium(clusterId)}/${clusterId}`,
      })),
      nodes: nodes.plans.map(({ clusterId, nodeId, dataAddress }) => ({
        clusterId,
        nodeId,
        dataAddress,
        pids: nodes.pids(table, nodeId),
      })),
      systems: this.systems(),
    };
  }

  private ready(): boolean {
    const { nodes, expectedSystems } = this.options;
    const { nodes: members, systems } = this.seen;
    const open = this.answers && members.filter(({ status }) => status === 'healthy').length === nodes.plans.length;
    return open && systems.length >= expectedSystems && systems.every(isServed);
  }

  /** Where Prometheus finds each service's metrics: file_sd_configs reads it. */
  private async writeTargets(): Promise<void> {
    const { services, folder } = this.options;
    const found = await Promise.all(
      [...services.parts.keys()].map(async (service) => ({
        targets: [new URL(await services.adminUrl(service)).host],
        labels: { service },
      })),
    ).catch(() => undefined);
    if (!found || JSON.stringify(found) === this.targets) return;
    await new AtomicJson(folder.targets()).write(found);
    this.targets = JSON.stringify(found);
  }
}
