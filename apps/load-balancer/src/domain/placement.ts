import type { NodeId, Placement } from '@holdfast/contracts';
import { xxhash64 } from './xxhash64';

/** A node as one placement sees it. */
export interface Candidate {
  readonly nodeId: NodeId;
  readonly seed: Seed;
  /** Its share of what the cluster can carry is `budget / Σ budget`. */
  readonly budget: number;
  /** What it carries already, counted as the request's cost is. */
  readonly load: number;
}

export interface PlacementRequest {
  /** Draws the order of the nodes: the same for every run of the same work. */
  readonly subject: string;
  readonly homeId: NodeId | null;
  readonly lastOwnerId: NodeId | null;
  /** The nodes whose load counts it already. */
  readonly carriedBy: readonly NodeId[];
  /** What it adds to another's load. */
  readonly cost: number;
  /** The loads of all nodes together, this one's cost included: what is to be shared. */
  readonly total: number;
  readonly limits: Limits;
  /** The filter that keeps the task off the node, if any. */
  excludes?(this: void, node: Candidate): string | null;
  /** The same, but when it would leave no node, it keeps the task off none. */
  avoids?(this: void, node: Candidate): string | null;
}

/** What a node may carry, the task included. `fair` is its share of the whole load. */
export interface Limits {
  /** Not more than this while another node has room. */
  bound(this: void, fair: number, budget: number): number;
  /** Never more than this. */
  ceiling(this: void, budget: number): number;
}

export interface Choice {
  readonly nodeId: NodeId | null;
  readonly placement: Placement;
  readonly blockedBy: Readonly<Record<string, number>>;
}

/**
 * Systems are counted. A quarter above the fair share: few enough to stay even, loose enough that most get the node they
 * rank first. No ceiling: no system stays unserved while a node is open.
 */
export const systemLimits: Limits = {
  bound: (fair) => Math.ceil(1.25 * fair),
  ceiling: () => Infinity,
};

/** A node is never planned full: what runs beside the plan needs room too. */
const USABLE = 0.9;

/** Background tasks are weighed in bytes per second, and wait where a system would not. */
export const backgroundLimits: Limits = {
  bound: (fair, budget) => Math.min(USABLE * budget, 1.1 * fair),
  ceiling: (budget) => USABLE * budget,
};

/** What is shown of one decision: enough to explain it, small enough to travel with each order. */
const SHOWN_CANDIDATES = 8;
const SHOWN_EXCLUDED = 32;

/**
 * Which node gets the task: home, else the last owner, else by weighted rendezvous, where one node's failure moves its
 * own tasks and no other. The first in this order that stays within its bound; with none, the least loaded that stays
 * under its ceiling, of equals the first; with none, nobody.
 */
export function place(request: PlacementRequest, nodes: readonly Candidate[]): Choice {
  const { open, excluded } = filter(request, nodes);
  const ranking = rank(request, open);
  const chosen = ranking.first ?? ranking.leastLoaded;
  const off = chosen ? excluded : [...excluded, ...open.map(({ nodeId }) => ({ nodeId, filter: 'capacity' }))];
  return {
    nodeId: chosen?.nodeId ?? null,
    placement: { candidates: shownOf(ranking.shown), excluded: off.slice(0, SHOWN_EXCLUDED) },
    blockedBy: countBy(off),
  };
}

function shownOf(shown: readonly Ranked[]): Placement['candidates'] {
  return shown.map(({ nodeId, score, load, bound }, index) => ({ nodeId, rank: index + 1, score, load, bound }));
}

interface Filtered {
  readonly open: readonly Candidate[];
  readonly excluded: readonly { readonly nodeId: NodeId; readonly filter: string }[];
}

function filter({ excludes, avoids }: PlacementRequest, nodes: readonly Candidate[]): Filtered {
  const hard = sift(nodes, excludes);
  const soft = sift(hard.open, avoids);
  return soft.open.length > 0 ? { open: soft.open, excluded: [...hard.excluded, ...soft.excluded] } : hard;
}

function sift(nodes: readonly Candidate[], keepsOff: PlacementRequest['excludes']): Filtered {
  if (!keepsOff) return { open: nodes, excluded: [] };
  const open: Candidate[] = [];
  const excluded: { nodeId: NodeId; filter: string }[] = [];
  for (const node of nodes) {
    const filter = keepsOff(node);
    if (filter === null) open.push(node);
    else excluded.push({ nodeId: node.nodeId, filter });
  }
  return { open, excluded };
}

interface Ranked {
  readonly nodeId: NodeId;
  /** Where it stands: before all draws if it is home or the last owner. */
  readonly key: number;
  readonly score: number;
  readonly load: number;
  /** Of its budget. */
  readonly share: number;
  readonly bound: number;
}

interface Ranking {
  /** The first in the order that stays within its bound. */
  first: Ranked | undefined;
  leastLoaded: Ranked | undefined;
  /** The first of all, in order. */
  readonly shown: Ranked[];
}

/** One pass, no sort of all and few logarithms: a cluster may have a thousand nodes, and a failure many orphans. */
function rank(request: PlacementRequest, open: readonly Candidate[]): Ranking {
  const { carriedBy, cost, total, limits, homeId, lastOwnerId } = request;
  const seed = seedOf(request.subject);
  let budgets = 0;
  for (const { budget } of open) budgets += budget;

  const ranking: Ranking = { first: undefined, leastLoaded: undefined, shown: [] };
  let toBeat = -Infinity;
  for (const node of open) {
    const { nodeId, budget } = node;
    const u = draw(seed, node.seed);
    const preferred = nodeId === homeId ? Infinity : nodeId === lastOwnerId ? Number.MAX_VALUE : null;
    // As ln u ≤ u − 1, no score is above this: most nodes are seen to change nothing without logarithm and bound.
    if ((preferred ?? budget / (1 - u)) <= toBeat) continue;

    const score = scoreOf(budget, u);
    const load = carriedBy.includes(nodeId) ? node.load : node.load + cost;
    const bound = limits.bound((total * budget) / budgets, budget);
    const ranked = { nodeId, key: preferred ?? score, score, load, share: load / budget, bound };
    if (load <= bound && ranked.key > keyOf(ranking.first)) ranking.first = ranked;
    if (!ranking.first && load <= limits.ceiling(budget) && isBefore(ranked, ranking.leastLoaded))
      ranking.leastLoaded = ranked;
    show(ranking.shown, ranked);
    toBeat = keyToBeat(ranking);
  }
  return ranking;
}

/** Less loaded, or as little and ahead in the order. */
function isBefore({ share, key }: Ranked, least: Ranked | undefined): boolean {
  return least === undefined || share < least.share || (share === least.share && key > least.key);
}

/** Below it a node neither leads nor is shown; as long as none leads, each may be the least loaded. */
function keyToBeat({ first, shown }: Ranking): number {
  return Math.min(keyOf(first), keyOf(shown[SHOWN_CANDIDATES - 1]));
}

function keyOf(ranked: Ranked | undefined): number {
  return ranked ? ranked.key : -Infinity;
}

function show(shown: Ranked[], ranked: Ranked): void {
  if (ranked.key <= keyOf(shown[SHOWN_CANDIDATES - 1])) return;
  const after = shown.findIndex(({ key }) => key < ranked.key);
  shown.splice(after < 0 ? shown.length : after, 0, ranked);
  shown.length = Math.min(shown.length, SHOWN_CANDIDATES);
}

/** A name's xxHash64, as two halves: numbers are mixed many times faster than a bigint. */
interface Seed {
  readonly high: number;
  readonly low: number;
}

export function seedOf(name: string): Seed {
  const hash = xxhash64(name);
  return { high: Number(BigInt.asIntN(32, hash >> 32n)), low: Number(BigInt.asIntN(32, hash)) };
}

/** −w / ln u: the highest of independent draws is a node's with a chance of exactly its share of the weight. */
export function rendezvousScore(subject: Seed, { seed, budget }: Pick<Candidate, 'seed' | 'budget'>): number {
  return scoreOf(budget, draw(subject, seed));
}

function scoreOf(budget: number, u: number): number {
  return -budget / Math.log(u);
}

/** The number in (0, 1) that belongs to the two names: 53 bits and a half, for 0 has no logarithm. */
function draw(subject: Seed, node: Seed): number {
  const low = mix(subject.low ^ node.low);
  const high = mix(subject.high ^ node.high ^ low);
  return ((high >>> 0) * 2 ** 21 + (low >>> 11) + 0.5) / 2 ** 53;
}

/** MurmurHash3's finaliser: each bit of what goes in changes half of what comes out. */
function mix(bits: number): number {
  let mixed = bits;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}

function countBy(excluded: Filtered['excluded']): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { filter } of excluded) counts[filter] = (counts[filter] ?? 0) + 1;
  return counts;
}
