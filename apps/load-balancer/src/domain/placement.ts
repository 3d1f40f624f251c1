import type { NodeId, Placement } from '@holdfast/contracts';
import { hashUnit } from './xxhash64';

/** A node as one placement sees it. */
export interface Candidate {
  readonly nodeId: NodeId;
  /** Its share of what the cluster can carry is `weight / Σ weight`. */
  readonly weight: number;
  /** Systems that it carries already. */
  readonly systems: number;
  /** The filter that excludes it, if any. */
  readonly excludedBy: string | null;
}

export interface PlacementRequest {
  readonly subject: string;
  readonly homeId: NodeId | null;
  readonly lastOwnerId: NodeId | null;
  /** Systems of the cluster, this one included. */
  readonly systems: number;
}

export interface Choice {
  readonly nodeId: NodeId | null;
  readonly placement: Placement;
  readonly blockedBy: Readonly<Record<string, number>>;
}

/** A quarter above the fair share: few enough to stay even, loose enough that most get the node they rank first. */
const BOUND = 1.25;

/** What is shown of one decision: enough to explain it, small enough to travel with each order. */
const SHOWN_CANDIDATES = 8;
const SHOWN_EXCLUDED = 32;

/**
 * Which node serves a system: home, else the last owner, else by weighted rendezvous, where one node's failure moves its
 * own systems and no other. The first in this order that stays within the bound; with none, the least loaded, for no
 * system stays unserved while a node is open.
 */
export function place(request: PlacementRequest, nodes: readonly Candidate[]): Choice {
  const open = nodes.filter((node) => node.excludedBy === null);
  const excluded = nodes.filter((node) => node.excludedBy !== null);
  const totalWeight = open.reduce((sum, node) => sum + node.weight, 0);

  const ranked = open
    .map((node) => ({
      nodeId: node.nodeId,
      score: rendezvousScore(request.subject, node),
      load: node.systems + 1,
      bound: Math.ceil((BOUND * request.systems * node.weight) / totalWeight),
      weight: node.weight,
    }))
    .sort((a, b) => preference(b.nodeId, request) - preference(a.nodeId, request) || b.score - a.score);

  const within = ranked.find(({ load, bound }) => load <= bound);
  const chosen = within ?? leastLoaded(ranked);
  return {
    nodeId: chosen?.nodeId ?? null,
    placement: {
      candidates: ranked
        .slice(0, SHOWN_CANDIDATES)
        .map(({ nodeId, score, load, bound }, index) => ({ nodeId, rank: index + 1, score, load, bound })),
      excluded: excluded
        .slice(0, SHOWN_EXCLUDED)
        .map(({ nodeId, excludedBy }) => ({ nodeId, filter: excludedBy ?? 'open' })),
    },
    blockedBy: countByFilter(excluded),
  };
}

/** −w / ln u: the highest of independent draws is a node's with a chance of exactly its share of the weight. */
export function rendezvousScore(subject: string, { nodeId, weight }: { nodeId: string; weight: number }): number {
  return -weight / Math.log(hashUnit(`${subject}/${nodeId}`));
}

function preference(nodeId: NodeId, { homeId, lastOwnerId }: PlacementRequest): number {
  if (nodeId === homeId) return 2;
  return nodeId === lastOwnerId ? 1 : 0;
}

function leastLoaded<N extends { load: number; weight: number }>(ranked: readonly N[]): N | undefined {
  let least = ranked[0];
  for (const node of ranked) if (least && node.load / node.weight < least.load / least.weight) least = node;
  return least;
}

function countByFilter(excluded: readonly Candidate[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { excludedBy } of excluded) if (excludedBy) counts[excludedBy] = (counts[excludedBy] ?? 0) + 1;
  return counts;
}
