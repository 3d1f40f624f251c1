// Where the tasks of a large cluster go, and what the loss of one node moves: ours beside two hashers, in one run.
import { createRequire } from 'node:module';
import { cpuMs, interleave, machine, median, spread, table } from './measure.mjs';
import { nodeLoss } from './node-loss.mjs';
import { installedPeers, peerVersion } from './peers.mjs';

const { backgroundLimits, place, seedOf } = createRequire(import.meta.url)(
  '../../apps/load-balancer/dist/domain/placement.js',
);

const WHOLE_MS = 1_000;
const FAILURE_MS = 100;
const MAX_OVER_FAIR = 1.1;
const COST = 1_048_576;

const HEAD = [
  'Whose',
  'All placed: CPU',
  'Ours takes of it',
  'One node lost: CPU',
  'Moved beside its orphans',
  'max/fair: all placed',
  'after the loss',
];

export async function run({ rounds, nodes, tasks }) {
  const peers = installedPeers();
  const budget = (2 * tasks * COST) / nodes;
  const cluster = {
    nodes: Array.from({ length: nodes }, (_, n) => ({ nodeId: `node-${n}`, budget })),
    tasks: Array.from({ length: tasks }, (_, n) => `snapshot system/s${n}`),
  };
  const results = await interleave(rounds, {
    ours: (round) => trial(new Ours(cluster), cluster, round),
    'skeleton-rendezvous': (round) => trial(new Skeleton(peers('skeleton-rendezvous'), cluster), cluster, round),
    hashring: (round) => trial(new Ring(peers('hashring'), cluster), cluster, round),
  });

  const rows = Object.keys(results[0]).map((who) => rowOf(who, results));
  console.log(`${machine()}; ${peerVersion('skeleton-rendezvous')}, ${peerVersion('hashring')}.`);
  console.log(
    `${nodes.toLocaleString('en')} equal nodes, ${tasks.toLocaleString('en')} equal tasks; ${rounds} rounds, interleaved: median (range).\n`,
  );
  console.log(table(HEAD, rows));
  const isPlaced = verdict(results.map(({ ours }) => ours));
  return (await nodeLoss({ rounds, nodes, tasks })) && isPlaced;
}

/** Everything is placed, then one node is lost, another in each round; what its loss moved is counted afterwards. */
function trial(contestant, { nodes, tasks }, round) {
  const owners = new Map();
  const wholeMs = cpuMs(() => {
    for (const task of tasks) owners.set(task, contestant.place(task));
  });
  const before = maxOverFair(owners, nodes.length);

  const { nodeId } = nodes[(round + 1) % nodes.length];
  const orphans = tasks.filter((task) => owners.get(task) === nodeId);
  const failureMs = cpuMs(() => {
    contestant.lose(nodeId, orphans);
    for (const task of orphans) owners.set(task, contestant.place(task));
  });
  const kept = tasks.filter((task) => !orphans.includes(task) && contestant.ownerOf(task, owners) === owners.get(task));
  const beside = tasks.length - orphans.length - kept.length;
  return {
    ...{ wholeMs, failureMs, orphans: orphans.length, beside, before },
    after: maxOverFair(new Map(tasks.map((task) => [task, contestant.ownerOf(task, owners)])), nodes.length - 1),
  };
}

class Ours {
  constructor({ nodes, tasks }) {
    // Each of one shape, as the load-balancer makes them: spread from another, they would be read ten times as slowly.
    this.nodes = nodes.map(({ nodeId, budget }) => ({ nodeId, budget, seed: seedOf(nodeId), load: 0 }));
    this.byId = new Map(this.nodes.map((node) => [node.nodeId, node]));
    this.total = tasks.length * COST;
  }

  place(subject) {
    const request = { subject, homeId: null, lastOwnerId: null, carriedBy: [], cost: COST, total: this.total };
    const { nodeId } = place({ ...request, limits: backgroundLimits }, this.nodes);
    this.byId.get(nodeId).load += COST;
    return nodeId;
  }

  lose(nodeId) {
    this.nodes = this.nodes.filter((node) => node.nodeId !== nodeId);
  }

  /** Who has a task is known: nothing else is looked at when a node is lost. */
  ownerOf(task, owners) {
    return owners.get(task);
  }
}

/** A hasher knows no owners: whoever asks it after a loss is told where each task is now. */
class Skeleton {
  constructor(Hasher, { nodes }) {
    this.hasher = new Hasher({ sites: nodes.map(({ nodeId }) => nodeId) });
  }

  place(task) {
    return this.hasher.findSite(task);
  }

  lose(nodeId) {
    this.hasher.removeSites(nodeId);
  }

  ownerOf(task) {
    return this.place(task);
  }
}

class Ring {
  constructor(HashRing, { nodes }) {
    this.ring = new HashRing(nodes.map(({ nodeId }) => nodeId));
  }

  place(task) {
    return this.ring.get(task);
  }

  lose(nodeId) {
    this.ring.remove(nodeId);
  }

  ownerOf(task) {
    return this.place(task);
  }
}

function maxOverFair(owners, nodes) {
  const counts = new Map();
  for (const nodeId of owners.values()) counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1);
  return Math.max(...counts.values()) / (owners.size / nodes);
}

function rowOf(who, results) {
  const of = (pick) => results.map((result) => pick(result[who]));
  const shares = results.map(({ ours, [who]: theirs }) => ours.wholeMs / theirs.wholeMs);
  return [
    who === 'ours' ? '**ours**' : `\`${who}\``,
    `${spread(
      of(({ wholeMs }) => wholeMs),
      0,
    )} ms`,
    who === 'ours' ? '–' : spread(shares),
    `${spread(
      of(({ failureMs }) => failureMs),
      1,
    )} ms`,
    `${spread(
      of(({ beside }) => beside),
      0,
    )} of ${Math.round(median(of(({ orphans }) => orphans)))}`,
    spread(of(({ before }) => before)),
    spread(of(({ after }) => after)),
  ];
}

function verdict(ours) {
  const worst = (pick) => Math.max(...ours.map(pick));
  const targets = [
    [`all placed in ≤ ${WHOLE_MS} ms of a core`, median(ours.map(({ wholeMs }) => wholeMs)) <= WHOLE_MS],
    [`one node lost in ≤ ${FAILURE_MS} ms of a core`, median(ours.map(({ failureMs }) => failureMs)) <= FAILURE_MS],
    ['nothing moved beside the orphans', worst(({ beside }) => beside) === 0],
    [`max/fair ≤ ${MAX_OVER_FAIR}`, worst(({ before, after }) => Math.max(before, after)) <= MAX_OVER_FAIR + 1e-9],
  ];
  console.log(`\nTargets: ${targets.map(([what, met]) => `${what}: ${met ? 'met' : 'MISSED'}`).join('; ')}.`);
  return targets.every(([, met]) => met);
}
