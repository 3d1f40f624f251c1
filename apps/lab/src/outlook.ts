import type { ClusterView, NodeView, SystemView, TaskView } from './gateway-client';

/** What the gateway said last. */
export interface FleetSeen {
  readonly clusters: readonly ClusterView[];
  readonly nodes: readonly NodeView[];
  readonly systems: readonly SystemView[];
  readonly tasks: readonly TaskView[];
}

/** What decides what follows when a node falls silent: what it has, who judges it, and who can take over. */
export interface Outlook {
  readonly serves: readonly string[];
  readonly carries: readonly string[];
  /** How many other nodes of its cluster are heard: they tell whether it is gone. */
  readonly peers: number;
  /** Some other one is silent and not declared down: two at once are more than a small cluster judges. */
  readonly anotherIsSilent: boolean;
  /** How many of its peers systems may move to, and which of them a drain keeps from it. */
  readonly takers: number;
  readonly drained: readonly string[];
  readonly maintenanceUntil: string | null;
  /** What forbids every verdict in its cluster. */
  readonly heldBy: string | null;
}

const CARRIED: ReadonlySet<string> = new Set(['assigned', 'running', 'stopping']);
/** One heartbeat may be late, two are not. */
const HEARD_MS = 2_000;

export function outlookOf(nodeId: string, { clusters, nodes, systems, tasks }: FleetSeen): Outlook {
  const own = nodes.find((node) => node.nodeId === nodeId);
  const others = nodes.filter((node) => node.clusterId === own?.clusterId && node.nodeId !== nodeId);
  const awaited = others.filter(({ status }) => status !== 'down' && status !== 'joining');
  const peers = awaited.filter(isHeard);
  const fit = peers.filter(({ status, placement }) => status === 'healthy' && placement.state === 'open');
  const drained = fit.filter(({ drain }) => drain !== null).map((node) => node.nodeId);
  const cluster = clusters.find(({ clusterId }) => clusterId === own?.clusterId);
  const served = systems.filter((system) => system.nodeId === nodeId && system.serving.state !== 'retired');
  const carried = tasks.filter((task) => task.nodeId === nodeId && CARRIED.has(task.state));
  return {
    serves: served.map(({ systemId }) => systemId),
    carries: carried.map(({ taskId }) => taskId),
    peers: peers.length,
    anotherIsSilent: awaited.some((node) => !isHeard(node) && node.maintenance === null),
    takers: fit.length - drained.length,
    drained,
    maintenanceUntil: own?.maintenance?.until ?? null,
    heldBy: cluster?.heldBy ?? (nodes.some(isHeard) ? null : 'no heartbeat is read'),
  };
}

function isHeard({ status, silentMs }: NodeView): boolean {
  return status !== 'suspect' && (silentMs === null || silentMs < HEARD_MS);
}
