import type { ClusterRegistered, EventOf, NodeJoined, NodeRetired } from '@holdfast/contracts';
import { Problem } from '../http/problem';
import { nearest } from '../http/nearest';
import { inRange, rangeOf, rangesOverlap } from './ipv4';

export type MembershipEvent =
  EventOf<typeof ClusterRegistered> | EventOf<typeof NodeJoined> | EventOf<typeof NodeRetired>;

/** Who belongs to the fleet: folded from the streams `membership-<clusterId>`. */
export interface Membership {
  readonly clusters: ReadonlyMap<string, { addressRanges: readonly string[] }>;
  readonly nodes: ReadonlyMap<string, { clusterId: string; dataAddress: string }>;
}

export const nobody: Membership = { clusters: new Map(), nodes: new Map() };

export function evolve(members: Membership, { type, data }: MembershipEvent): Membership {
  const clusters = new Map(members.clusters);
  const nodes = new Map(members.nodes);
  if (type === 'ClusterRegistered') clusters.set(data.clusterId, { addressRanges: data.addressRanges });
  if (type === 'NodeJoined') nodes.set(data.nodeId, { clusterId: data.clusterId, dataAddress: data.dataAddress });
  if (type === 'NodeRetired') nodes.delete(data.nodeId);
  return { clusters, nodes };
}

/** A range is for one cluster's systems alone: no other cluster's, and no node's, may lie inside. */
export function admitCluster(wish: { clusterId: string; addressRanges: string[] }, members: Membership): void {
  const subject = `cluster/${wish.clusterId}`;
  if (members.clusters.has(wish.clusterId))
    throw new Problem('CLUSTER_EXISTS', `${wish.clusterId} is registered already`, { subject });

  for (const range of wish.addressRanges) {
    for (const [clusterId, { addressRanges }] of members.clusters) {
      if (addressRanges.some((other) => rangesOverlap(rangeOf(range), rangeOf(other))))
        throw new Problem('ADDRESS_RANGE_TAKEN', `${range} overlaps a range of ${clusterId}`, { subject });
    }
    for (const [nodeId, { dataAddress }] of members.nodes) {
      if (inRange(dataAddress, range))
        throw new Problem('ADDRESS_RANGE_TAKEN', `${dataAddress} of ${nodeId} lies in ${range}`, { subject });
    }
  }
}

export function admitNode(wish: { clusterId: string; nodeId: string; dataAddress: string }, members: Membership): void {
  const subject = `node/${wish.nodeId}`;
  clusterOf(wish.clusterId, members);
  const holder = members.nodes.get(wish.nodeId);
  if (holder) throw new Problem('NODE_EXISTS', `${wish.nodeId} is a node of ${holder.clusterId}`, { subject });

  for (const [clusterId, { addressRanges }] of members.clusters) {
    const range = addressRanges.find((candidate) => inRange(wish.dataAddress, candidate));
    if (range)
      throw new Problem(
        'DATA_ADDRESS_TAKEN',
        `${wish.dataAddress} lies in ${range}, kept for systems of ${clusterId}`,
        {
          subject,
        },
      );
  }
  for (const [nodeId, { dataAddress }] of members.nodes) {
    if (dataAddress === wish.dataAddress)
      throw new Problem('DATA_ADDRESS_TAKEN', `${dataAddress} is the address of ${nodeId}`, { subject });
  }
}

export function clusterOf(clusterId: string, members: Membership): { addressRanges: readonly string[] } {
  return members.clusters.get(clusterId) ?? notFound('cluster', clusterId, members.clusters.keys());
}

export function nodeOf(nodeId: string, members: Membership): { clusterId: string; dataAddress: string } {
  return members.nodes.get(nodeId) ?? notFound('node', nodeId, members.nodes.keys());
}

/** A name may be mistyped: `known` says which are near; what is gone is known still, and not meant. A UUID is copied, and nobody meant another. */
export function notFound(kind: string, id: string, known: Iterable<string> = []): never {
  const near = nearest(
    id,
    [...known].filter((name) => name !== id),
  );
  throw new Problem('NOT_FOUND', `no ${kind} ${id}`, {
    subject: `${kind}/${id}`,
    remedy: near ? `did you mean ${near}? \`holdfast get ${kind}s\` lists all` : `\`holdfast get ${kind}s\` lists all`,
    ...(near && { more: { nearest: near } }),
  });
}
