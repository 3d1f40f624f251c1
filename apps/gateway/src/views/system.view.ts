import type { AutomationRow, ClusterRow } from '../projections/clusters.projection';
import type { NodeRow } from '../projections/nodes.projection';
import type { SystemRow } from '../projections/systems.projection';
import { brakeOf } from './cluster.view';

export interface Fleet {
  readonly nodes: readonly NodeRow[];
  readonly clusters: readonly ClusterRow[];
  readonly automation: readonly AutomationRow[];
}

/**
 * What clients of the system notice now. Its own row tells what was ordered and taken; a node that has died since, or is
 * suspected while nobody can take over, leaves it unserved.
 */
export function servingOf(row: SystemRow, fleet: Fleet): SystemRow['serving'] {
  const { serving } = row;
  if (serving.state === 'retired' || row.nodeId === null) return serving;
  const cluster = fleet.clusters.find(({ clusterId }) => clusterId === row.clusterId);
  const node = fleet.nodes.find(({ nodeId }) => nodeId === row.nodeId);
  const brake = brakeOf(cluster, fleet.automation);
  const alone = !fleet.nodes.some((other) => other.nodeId !== row.nodeId && canTakeOver(other, row.clusterId));
  const stuck = brake ?? (alone ? 'no other node can take over' : undefined);

  if (node?.status === 'down')
    return { state: 'unserved', since: node.since, reason: stuck ?? `${node.nodeId} is down, another node takes over` };
  if (node?.status === 'suspect' && (cluster?.frozen || alone))
    return { state: 'unserved', since: later(node.since, cluster?.frozen?.since), reason: stuck ?? null };
  return serving.state === 'served' && alone ? { ...serving, reason: 'no other node can take over' } : serving;
}

function canTakeOver(node: NodeRow, clusterId: string | null): boolean {
  const { membership, status, placement } = node;
  return node.clusterId === clusterId && membership === 'member' && status === 'healthy' && placement.state === 'open';
}

function later(a: string | null, b: string | undefined): string | null {
  return b !== undefined && (a === null || b > a) ? b : a;
}

export function systemView(row: SystemRow, fleet: Fleet) {
  const { systemId, clusterId, nodeId, epoch, address, exports, volumes } = row;
  return {
    systemId,
    clusterId,
    nodeId,
    epoch,
    address,
    exports,
    volumes,
    serving: servingOf(row, fleet),
    reservation: null,
  };
}
export type SystemView = ReturnType<typeof systemView>;
