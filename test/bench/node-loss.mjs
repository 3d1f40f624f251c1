// What the loss of one node costs the load-balancer in a large table: to decide, and to fold into what is kept.
import { createRequire } from 'node:module';
import { cpuMs, interleave, median, spread, table } from './measure.mjs';

const { routingTableDecider } = createRequire(import.meta.url)(
  '../../apps/load-balancer/dist/domain/routing-table.decider.js',
);

const LOSS_MS = 100;
const COST = 1_048_576;
const clusterId = 'c1';
const at = '2026-01-01T00:00:00.000Z';

const HEAD = ['One node lost: orphans', 'Events', 'To decide: CPU', 'To fold: CPU', 'Both', 'Target'];

export async function nodeLoss({ rounds, nodes, tasks }) {
  const systems = tasks / 2;
  const full = [...openNodes(nodes, systems), ...startTasks(nodes, systems)].reduce(
    routingTableDecider.evolve,
    routingTableDecider.initial,
  );
  const results = await interleave(rounds, { loss: (round) => lose(`node-${(round + 1) % nodes}`, full) });
  const of = (pick) => results.map(({ loss }) => pick(loss));

  const bothMs = of(({ decideMs, foldMs }) => decideMs + foldMs);
  const met = median(bothMs) <= LOSS_MS;
  console.log(
    `\nThe same number of nodes and tasks in a routing table, half of them systems, half their snapshots; ${rounds} rounds.\n`,
  );
  const cells = [
    ...[of(({ orphans }) => orphans), of(({ events }) => events)].map((counts) => spread(counts, 0)),
    ...[of(({ decideMs }) => decideMs), of(({ foldMs }) => foldMs), bothMs].map((times) => `${spread(times, 1)} ms`),
    `≤ ${LOSS_MS} ms of a core: ${met ? 'met' : 'MISSED'}`,
  ];
  console.log(table(HEAD, [cells]));
  return met;
}

function lose(nodeId, full) {
  const known = { clusterId, at, incarnations: {}, takenMs: 5_000 };
  let events = [];
  const decideMs = cpuMs(() => {
    events = routingTableDecider.decide({ type: 'CloseNode', nodeId, cause: 'down', ...known }, full);
  });
  const foldMs = cpuMs(() => {
    events.reduce(routingTableDecider.evolve, full);
  });
  const [{ data }] = events;
  const moved = events.filter(({ type }) => type === 'TaskMoved').length;
  if (moved !== data.orphans) throw new Error(`${moved} of ${data.orphans} orphans moved`);
  return { decideMs, foldMs, orphans: data.orphans, events: events.length };
}

function openNodes(nodes, snapshots) {
  const budget = (2 * snapshots * COST) / nodes;
  return Array.from({ length: nodes }, (_, n) => ({
    type: 'NodeOpened',
    data: { clusterId, nodeId: `node-${n}`, at, zone: 'z1', budget },
  }));
}

/** Each system is served, and a snapshot of it is read, by one node after the other. */
function startTasks(nodes, systems) {
  return Array.from({ length: systems }, (_, n) => {
    const [systemId, pointId, nodeId] = [`s${n}`, 'p1', `node-${n % nodes}`];
    const about = { clusterId, subject: `system/${systemId}`, at };
    const serve = { ...about, taskId: `serve-${systemId}`, kind: 'serve' };
    const snapshot = { ...about, taskId: `t-${n}`, kind: 'snapshot' };
    const volumes = [{ volumeId: 'v1', sizeBytes: COST }];
    const point = { systemId, pointId };
    return [
      { type: 'TaskAdmitted', data: { ...serve, cost: 1, spec: { systemId, address: '10.0.0.1', volumes } } },
      ...started(serve, nodeId),
      { type: 'TaskAdmitted', data: { ...snapshot, cost: COST, spec: { ...point, bytesPerSec: COST } } },
      { type: 'PointConfirmed', data: { ...snapshot, ...point, k: 1, frozenAt: at } },
      ...started(snapshot, nodeId),
    ];
  }).flat();
}

function started(about, nodeId) {
  const order = { ...about, nodeId, epoch: 1 };
  return [
    { type: 'TaskAssigned', data: { ...order, cause: 'admitted' } },
    { type: 'TaskStartConfirmed', data: { ...order, tookMs: 1 } },
  ];
}
