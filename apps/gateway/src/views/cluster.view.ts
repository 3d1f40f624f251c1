import { z } from 'zod';
import type { AutomationRow, ClusterRow } from '../projections/clusters.projection';
import type { NodeRow } from '../projections/nodes.projection';

export interface Brake {
  readonly text: string;
  readonly remedy: string;
}

/** Why nothing is decided or moved in a cluster now, with the way on; undefined: nothing holds it. */
export function brakeOf(cluster: ClusterRow | undefined, automation: readonly AutomationRow[]): Brake | undefined {
  if (!cluster) return undefined;
  const { clusterId, frozen, sight } = cluster;
  if (frozen) return { text: `frozen, thaw ${clusterId}`, remedy: thaw(clusterId) };
  const halt = automation.find(({ scope, halted }) => halted && (scope === 'fleet' || scope === clusterId));
  if (halt) return { text: `halted, resume ${halt.scope}`, remedy: `holdfast resume ${halt.scope}` };
  if (sight.state === 'lost')
    return {
      text: `blind (${sight.cause}): statuses stay as last decided`,
      remedy: 'nothing is decided until the log is read in time again: check Kafka, `holdfast get services`',
    };
  return undefined;
}

type Braked = { readonly clusters: readonly ClusterRow[]; readonly automation: readonly AutomationRow[] };
export const brakesIn = ({ clusters, automation }: Braked): Map<string, Brake | undefined> =>
  new Map(clusters.map((cluster) => [cluster.clusterId, brakeOf(cluster, automation)]));

const thaw = (clusterId: string): string => `holdfast thaw ${clusterId} --reason …`;

export const clusterVerdict = z
  .enum(['healthy', 'degraded', 'suspected', 'down', 'frozen', 'blind', 'empty'])
  .describe(
    'frozen: no verdict until it is thawed; blind: the log cannot be judged by; empty: no node; down: every node is; ' +
      'suspected: every node is down or suspect; degraded: some node is not healthy; healthy: all are',
  );

/** One word for a cluster: first what forbids any verdict, then how many of its nodes are well. */
function verdictOf(row: ClusterRow, nodes: readonly NodeRow[]): z.infer<typeof clusterVerdict> {
  if (row.frozen) return 'frozen';
  if (row.sight.state === 'lost') return 'blind';
  if (nodes.length === 0) return 'empty';
  if (nodes.every(({ status }) => status === 'down')) return 'down';
  if (nodes.every(({ status }) => status === 'down' || status === 'suspect')) return 'suspected';
  return nodes.every(({ status }) => status === 'healthy') ? 'healthy' : 'degraded';
}

export function clusterView(
  row: ClusterRow,
  fleet: { nodes: readonly NodeRow[]; automation: readonly AutomationRow[] },
) {
  const { clusterId, name, addressRanges, sight, frozen, placementHeldBy, rebalance } = row;
  const nodes = fleet.nodes.filter((node) => node.clusterId === clusterId && node.membership === 'member');
  const nodesByStatus: Record<string, number> = {};
  for (const { status } of nodes) nodesByStatus[status] = (nodesByStatus[status] ?? 0) + 1;
  return {
    clusterId,
    name,
    addressRanges,
    verdict: verdictOf(row, nodes),
    sight,
    frozen: frozen && { ...frozen, remedy: thaw(clusterId) },
    heldBy: brakeOf(row, fleet.automation)?.text ?? null,
    placementHeldBy,
    rebalance,
    nodes: nodes.length,
    nodesByStatus,
  };
}
export type ClusterView = ReturnType<typeof clusterView>;
