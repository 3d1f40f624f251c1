import type { EventOf, NodeId, ProbePlanIssued } from '@holdfast/contracts';
import { PROBERS_PER_NODE } from './numbers';

export interface PlannedNode {
  readonly nodeId: NodeId;
  readonly zone: string;
  readonly dataAddress: string;
}

type Edge = EventOf<typeof ProbePlanIssued>['data']['edges'][number];

/** Who probes whom: each node by three others, two of them from other zones where there are any. */
export function probePlan(nodes: readonly PlannedNode[]): Edge[] {
  const inOrder = [...nodes].sort(byId);
  return inOrder.flatMap((target) =>
    probersOf(target, inOrder)
      .sort(byId)
      .map((prober) => ({ fromNodeId: prober.nodeId, toNodeId: target.nodeId, dataAddress: target.dataAddress })),
  );
}

function probersOf(target: PlannedNode, nodes: readonly PlannedNode[]): PlannedNode[] {
  const ranked = nodes
    .filter(({ nodeId }) => nodeId !== target.nodeId)
    .map((node) => ({ node, rank: rankOf(`${target.nodeId}<${node.nodeId}`) }))
    .sort((one, other) => other.rank - one.rank || byId(one.node, other.node))
    .map(({ node }) => node);
  const elsewhere = ranked.filter(({ zone }) => zone !== target.zone);
  const first = elsewhere[0];
  const second = elsewhere.find(({ zone }) => zone !== first?.zone) ?? elsewhere[1];
  const chosen = [first, second].filter((node) => node !== undefined);
  // One neighbour, so that the evidence spans two zones wherever the others do.
  const neighbour = ranked.find(({ zone }) => zone === target.zone);
  if (neighbour) chosen.push(neighbour);
  const rest = ranked.filter((node) => !chosen.includes(node));
  return [...chosen, ...rest].slice(0, PROBERS_PER_NODE);
}

/** FNV-1a, finished as murmur3 does, or similar names would rank alike. A node's going moves only its own edges. */
function rankOf(pair: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < pair.length; i++) hash = Math.imul(hash ^ pair.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const byId = (one: { nodeId: NodeId }, other: { nodeId: NodeId }): number => (one.nodeId < other.nodeId ? -1 : 1);
