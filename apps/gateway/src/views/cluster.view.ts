import type { AutomationRow, ClusterRow } from '../projections/clusters.projection';
import type { NodeRow } from '../projections/nodes.projection';

/** Why nothing is decided or moved in a cluster now, with the way on; undefined: nothing holds it. */
export function brakeOf(cluster: ClusterRow | undefined, automation: readonly AutomationRow[]): string | undefined {
  if (!cluster) return undefined;
  if (cluster.frozen) return `frozen, thaw ${cluster.clusterId}`;
  const halt = automation.find(({ scope, halted }) => halted && (scope === 'fleet' || scope === cluster.clusterId));
  if (halt) return `halted, resume ${halt.scope}`;
  if (cluster.sight.state === 'lost') return `blind (${cluster.sight.cause}): statuses stay as last decided`;
  return undefined;
}

export function clusterView(
  row: ClusterRow,
  fleet: { nodes: readonly NodeRow[]; automation: readonly AutomationRow[] },
) {
  const { clusterId, name, addressRanges, sight, frozen, placementHeldBy } = row;
  const nodes = fleet.nodes.filter((node) => node.clusterId === clusterId && node.membership === 'member');
  const nodesByStatus: Record<string, number> = {};
  for (const { status } of nodes) nodesByStatus[status] = (nodesByStatus[status] ?? 0) + 1;
  return {
    clusterId,
    name,
    addressRanges,
    verdict: 'healthy',
    sight,
    frozen: frozen && { ...frozen, remedy: `holdfast thaw ${clusterId} --reason …` },
    heldBy: brakeOf(row, fleet.automation) ?? null,
    placementHeldBy,
    nodes: nodes.length,
    nodesByStatus,
  };
}
export type ClusterView = ReturnType<typeof clusterView>;
