import type { PlacementPlan } from '@holdfast/contracts';
import { type Parts, useParts } from './parts-fixture';
import type { World } from './world-fixture';

let parts: Parts;
let world: World;
useParts((its) => ({ parts, world } = its));

const askDrain = (data: object = {}) => {
  const asked = {
    clusterId: world.clusterId,
    nodeId: world.node('a'),
    action: 'start',
    deadlineMs: 600_000,
    force: false,
  };
  return world.request('NodeDrainRequested', { ...asked, ...data });
};

async function planDrain(): Promise<PlacementPlan> {
  const requestId = await askDrain({ dryRun: true });
  const planned = await world.until('NodeDrainPlanned', { requestId });
  expect(planned.stream).toBe(`placement-plan-${requestId}`);
  return planned.data['plan'] as PlacementPlan;
}

const onTable = () => world.heard.filter(({ stream }) => stream === `routing-table-${world.clusterId}`);

it('plans a drain without touching the table, then drains as planned: the system moves once', async () => {
  await world.servedByA();
  const before = onTable().length;
  const plan = await planDrain();
  expect(onTable()).toHaveLength(before);
  expect(plan.steps).toMatchObject([
    { does: 'move', taskId: world.taskId, toNodeId: world.node('b'), reconnects: true },
  ]);

  const requestId = await askDrain({ planDigest: plan.planDigest });
  const started = await world.until('NodeDrainStarted', { nodeId: world.node('a') });
  expect(started.meta.correlationId).toBe(requestId);
  await world.until('NodeDrained', { nodeId: world.node('a') });
  await world.until('TaskStartConfirmed', { taskId: world.taskId, nodeId: world.node('b'), epoch: 2 });
  const types = onTable()
    .slice(before)
    .map(({ type }) => type);
  expect(types).toEqual(['NodeDrainStarted', 'TaskRecalled', 'TaskMoved', 'NodeDrained', 'TaskStartConfirmed']);
  await world.until('SystemServeGranted', { systemId: world.systemId, epoch: 2, cause: 'drain' });
});

it('refuses a plan that is another by now, and shows what it is', async () => {
  await world.servedByA();
  const { planDigest } = await planDrain();
  await world.fails(world.node('b'));
  await world.until('NodeClosed', { nodeId: world.node('b') });

  const requestId = await askDrain({ planDigest });
  const rejected = await world.until('NodeDrainRejected', { requestId });
  expect(rejected.data).toMatchObject({ reason: 'PLAN_CHANGED', planDigest, plan: { steps: [{ does: 'wait' }] } });
  expect((rejected.data['plan'] as PlacementPlan).planDigest).not.toBe(planDigest);

  const without = await askDrain();
  const short = await world.until('NodeDrainRejected', { requestId: without });
  expect(short.data).toMatchObject({ reason: 'CAPACITY_SHORT' });
});

it('stops a drain, and the node is used again', async () => {
  await world.opens(world.node('a'));
  await askDrain();
  await world.until('NodeDrained', { nodeId: world.node('a') });
  await askDrain({ action: 'stop' });
  await world.until('NodeDrainStopped', { nodeId: world.node('a'), by: 'operator' });
  const requestId = await askDrain({ action: 'stop' });
  await world.until('NodeDrainRejected', { requestId, reason: 'NOT_DRAINING' });
});

it('tells over a restart of its own that a drain is late', async () => {
  await world.servedByA();
  world.silence(world.node('a'));
  await askDrain({ deadlineMs: 2_000 });
  await world.until('TaskRecalled', { taskId: world.taskId, cause: 'drain' });
  await parts.stopBalancer();
  await parts.startBalancer();
  const overdue = await world.until('NodeDrainOverdue', { nodeId: world.node('a') });
  expect(overdue.data).toMatchObject({ left: [world.taskId] });
});

it('drains for maintenance, and opens the node when it ends', async () => {
  await world.servedByA();
  const until = new Date(Date.now() + 600_000).toISOString();
  const requestId = await world.request('NodeDrainRequested', {
    ...{ clusterId: world.clusterId, nodeId: world.node('z'), action: 'start', deadlineMs: 1, force: false },
  });
  await world.until('NodeDrainRejected', { requestId, reason: 'UNKNOWN_NODE' });
  const maintenance = { nodeId: world.node('a'), until, drain: true, by: 'operator', reason: 'disks', requestId };
  await world.health('NodeMaintenanceStarted', maintenance);
  await world.until('NodeDrained', { nodeId: world.node('a') });
  await world.health('NodeMaintenanceEnded', { nodeId: world.node('a'), by: 'operator' });
  await world.until('NodeDrainStopped', { nodeId: world.node('a'), by: 'maintenanceEnded' });
});

it('answers what a loss or a join would do, and what is no question', async () => {
  await world.servedByA();
  const ask = (change: object, clusterId = world.clusterId) =>
    world.request('PlacementPlanRequested', { clusterId, change });
  const loss = await ask({ type: 'loss', nodeId: world.node('a') });
  const planned = await world.until('PlacementPlanned', { requestId: loss });
  expect(planned.data).toMatchObject({ plan: { steps: [{ does: 'move', toNodeId: world.node('b') }], reconnects: 1 } });
  const join = await ask({ type: 'join', likeNodeId: world.node('b') });
  await world.until('PlacementPlanned', { requestId: join });
  const unknown = await ask({ type: 'loss', nodeId: world.node('z') });
  await world.until('PlacementPlanRejected', { requestId: unknown, reason: 'UNKNOWN_NODE' });
  const nowhere = await ask({ type: 'loss', nodeId: world.node('z') }, 'nowhere');
  await world.until('PlacementPlanRejected', { requestId: nowhere, reason: 'UNKNOWN_CLUSTER' });
});

it('plans and refuses a rebalance of what is level', async () => {
  await world.servedByA();
  const { clusterId } = world;
  const dry = await world.request('RebalanceRequested', { clusterId, dryRun: true });
  const planned = await world.until('RebalancePlanned', { requestId: dry });
  expect(planned.data).toMatchObject({ plan: { steps: [], findings: [{ code: 'LEVEL_ALREADY' }] } });
  const requestId = await world.request('RebalanceRequested', { clusterId });
  await world.until('RebalanceRejected', { requestId, reason: 'LEVEL_ALREADY' });
});
