import type { ClusterId, NodeId } from '@holdfast/contracts';

/** Which nodes are watched, and on which partition each cluster beats. */
export class Roster {
  private readonly clusters = new Map<NodeId, ClusterId>();
  private readonly members = new Map<ClusterId, NodeId[]>();

  constructor(readonly partitionOf: (cluster: ClusterId) => number) {}

  set(cluster: ClusterId, nodeIds: readonly NodeId[]): void {
    for (const gone of this.nodesOf(cluster)) this.clusters.delete(gone);
    for (const nodeId of nodeIds) this.clusters.set(nodeId, cluster);
    this.members.set(cluster, [...nodeIds].sort());
  }

  nodesOf(cluster: ClusterId): readonly NodeId[] {
    return this.members.get(cluster) ?? [];
  }

  clusterOf(nodeId: NodeId): ClusterId | undefined {
    return this.clusters.get(nodeId);
  }

  clustersOn(partition: number): ClusterId[] {
    return [...this.members.keys()].filter((cluster) => this.partitionOf(cluster) === partition);
  }
}
