import { topics } from '@holdfast/contracts';
import { type Parts, useParts } from './parts-fixture';
import type { World } from './world-fixture';

let parts: Parts;
let world: World;
useParts((its) => ({ parts, world } = its), { HOLDFAST_BALANCER_TAKEN_MS: '500' });

it('registers, orders, and confirms what an agent took, under the request’s correlation id', async () => {
  await world.opens(world.node('a'));
  const requestId = await world.create();
  const confirmed = await world.until('TaskStartConfirmed', { taskId: world.taskId });
  expect(confirmed.data).toMatchObject({ nodeId: world.node('a'), epoch: 1, created: true });
  const registered = await world.until('SystemRegistered', { systemId: world.systemId });
  expect(registered.meta.correlationId).toBe(requestId);
  const granted = await world.until('SystemServeGranted', { systemId: world.systemId });
  expect(granted.data).toMatchObject({ nodeId: world.node('a'), epoch: 1 });
  expect(granted.meta.correlationId).toBe(requestId);
});

it('moves the system of a failed node with the verdict, at the next epoch, and grants it', async () => {
  await world.servedByA();
  await world.fails(world.node('a'));
  const closed = await world.until('NodeClosed', { nodeId: world.node('a') });
  const moved = await world.until('TaskMoved', { taskId: world.taskId });
  expect(moved.data['at']).toBe(closed.data['at']); // one decision
  expect(moved.data).toMatchObject({
    nodeId: world.node('b'),
    fromNodeId: world.node('a'),
    epoch: 2,
    cause: 'nodeDown',
  });
  const granted = await world.until('SystemServeGranted', { systemId: world.systemId, epoch: 2 });
  expect(granted.data).toMatchObject({ nodeId: world.node('b'), cause: 'nodeDown' });
  await world.until('TaskStartConfirmed', { taskId: world.taskId, nodeId: world.node('b'), epoch: 2 });
});

it('changes nothing on facts that are late, doubled or out of order', async () => {
  await world.servedByA();
  const down = await world.fails(world.node('a'));
  await world.until('TaskStartConfirmed', { taskId: world.taskId, epoch: 2 });
  const seen = world.heard.length;

  await world.again(topics.health.name, down);
  const fault = { taskId: world.taskId, epoch: 1, errorClass: 'node', code: 'ENGINE_DOWN', token: null };
  const next = world.versionOf(world.node('a')) + 1;
  const taken = { taskId: world.taskId, epoch: 1, tookMs: 1 };
  await world.agentAt(next + 1, world.node('a'), { type: 'TaskFaulted', data: fault }); // the second before the first
  await world.agentAt(next, world.node('a'), { type: 'TaskTaken', data: taken });

  // What follows is heard after all of it.
  await world.health('ClusterFrozen', { cause: 'massSilence', lateNodeIds: [], limit: 1 });
  await world.until('PlacementHeld', { clusterId: world.clusterId });
  const since = world.heard.slice(seen).map(({ type }) => type);
  expect(since).toEqual(['PlacementHeld']);
});

it('holds every move while it is blind, and for sightHoldMs more', async () => {
  await world.servedByA();
  await world.health('ClusterSightLost', { cause: 'partition' });
  await world.until('PlacementHeld', { clusterId: world.clusterId, brake: 'blind' });
  await world.fails(world.node('a'));
  await world.until('NodeClosed', { nodeId: world.node('a') });
  const regainedAt = Date.now();
  await world.health('ClusterSightRegained', { blindMs: 2_000, sightHoldMs: 700 });
  const resumed = await world.until('PlacementResumed', { clusterId: world.clusterId, brake: 'blind' });
  expect(Date.parse(String(resumed.data['at'])) - regainedAt).toBeGreaterThanOrEqual(700);
  await world.until('TaskMoved', { taskId: world.taskId, nodeId: world.node('b') });
  const types = world.heard
    .filter(({ stream }) => stream === `routing-table-${world.clusterId}`)
    .map(({ type }) => type);
  expect(types.slice(types.indexOf('PlacementHeld'), types.indexOf('TaskMoved'))).toEqual([
    ...['PlacementHeld', 'NodeClosed', 'PlacementResumed'],
  ]);
});

it('offers a restarted agent what it owns, at the same epoch and to that start of it', async () => {
  await world.servedByA();
  const since = world.heard.length;
  await world.agent(world.node('a'), 'NodeStarted', { journal: 'kept', held: [], adopted: [] });
  const offered = await world.until('TaskAssigned', { taskId: world.taskId }, since);
  const incarnation = expect.stringMatching(/^[0-9a-f-]{36}$/) as string;
  expect(offered.data).toMatchObject({ cause: 'nodeStarted', epoch: 1, nodeIncarnation: incarnation });
  await world.until('TaskStartConfirmed', { taskId: world.taskId, epoch: 1 }, since);
});

it('lets another node create what the creating one left half done', async () => {
  world.silence(world.node('a'));
  await world.opens(world.node('a'));
  await world.create();
  await world.until('TaskAssigned', { taskId: world.taskId });
  await world.opens(world.node('b'));
  await world.fails(world.node('a'));
  const moved = await world.until('TaskMoved', { taskId: world.taskId });
  expect(moved.data).toMatchObject({ nodeId: world.node('b'), epoch: 2, spec: { create: true } });
  await world.until('TaskStartConfirmed', { taskId: world.taskId, created: true });
});

it('asks another node when one is silent about an order', async () => {
  world.silence(world.node('a'));
  await world.opens(world.node('a'));
  await world.create();
  await world.until('TaskAssigned', { taskId: world.taskId });
  await world.opens(world.node('b'));
  const moved = await world.until('TaskMoved', { taskId: world.taskId });
  expect(moved.data).toMatchObject({ nodeId: world.node('b'), epoch: 2, cause: 'notTaken' });
});

it('rejects a creation without space, removes its folder, and gives the name to the next', async () => {
  world.silence(world.node('a'));
  await world.opens(world.node('a'));
  const requestId = await world.create();
  await world.until('TaskAssigned', { taskId: world.taskId });
  await world.agent(world.node('a'), 'TaskDeclined', {
    taskId: world.taskId,
    epoch: 1,
    code: 'NO_SPACE',
    highestEpoch: 1,
  });
  const rejected = await world.until('SystemRejected', { systemId: world.systemId });
  expect(rejected.data).toMatchObject({ reason: 'NO_SPACE', requestId });
  await world.until('SystemRemovalOrdered', { systemId: world.systemId, epoch: 2 });
  await world.agent(world.node('a'), 'SystemRemoved', { systemId: world.systemId, epoch: 2 });
  await world.until('SystemDeleted', { systemId: world.systemId });
  await world.create();
  await world.until('TaskAssigned', { taskId: world.taskId, epoch: 3 });
});

it('retires and deletes a system, each under its own request', async () => {
  await world.servedByA();
  const early = await world.request('SystemDeletionRequested', { systemId: world.systemId }, 'fleet');
  const refused = await world.until('SystemDeletionRejected', { systemId: world.systemId });
  expect(refused.data).toMatchObject({ requestId: early, reason: 'NOT_RETIRED' });

  const retirement = await world.request('SystemRetirementRequested', { systemId: world.systemId }, 'fleet');
  const started = await world.until('SystemRetirementStarted', { systemId: world.systemId });
  expect(started.meta.correlationId).toBe(retirement);
  await world.until('SystemRetired', { systemId: world.systemId });

  await world.request('SystemDeletionRequested', { systemId: world.systemId }, 'fleet');
  const removal = await world.until('SystemRemovalOrdered', { systemId: world.systemId });
  expect(removal.data).toMatchObject({ epoch: 2 });
  await world.until('SystemDeleted', { systemId: world.systemId });
});

it('is ready, and counts what nobody serves', async () => {
  await world.request('SystemRequested', {
    ...{ systemId: world.systemId, clusterId: 'nowhere', volumes: [{ volumeId: 'a', sizeBytes: 1 }] },
  });
  const rejected = await world.until('SystemRejected', { systemId: world.systemId });
  expect(rejected.data).toMatchObject({ reason: 'UNKNOWN_CLUSTER' });
  const ask = (path: string) => fetch(`http://127.0.0.1:${parts.adminPort}${path}`);
  expect((await ask('/readyz')).status).toBe(200);
  const metrics = await (await ask('/metrics')).text();
  expect(metrics).toMatch(/holdfast_systems_without_holder\{[^}]*cluster="c1"[^}]*\} 0/);
  expect(metrics).toContain('holdfast_system_takeover_seconds_count');
  expect(metrics).toMatch(/holdfast_tasks\{[^}]*cluster="c1"[^}]*\} 0/);
});
