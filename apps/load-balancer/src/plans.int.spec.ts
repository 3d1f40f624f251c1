import type { PlacementPlan } from '@holdfast/contracts';
import { Parts } from './parts-fixture';
import type { World } from './world-fixture';

let parts: Parts;
let world: World;

beforeAll(async () => {
  parts = await Parts.start();
});
afterAll(() => parts.stop());
beforeEach(async () => {
  world = await parts.newCluster();
});
afterEach(() => world.stop());

const node = (suffix: string) => `${world.clusterId}-${suffix}`;
const system = () => `s-${world.clusterId}`;
const taskId = () => `serve-${system()}`;

/** A system served by node a, with node b open beside it. */
async function servedByA(): Promise<void> {
  await world.opens(node('a'));
  const volumes = [{ volumeId: 'a', sizeBytes: 1024 }];
  await world.request('SystemRequested', { systemId: system(), clusterId: world.clusterId, volumes });
  await world.until('TaskStartConfirmed', { taskId: taskId() });
  await world.opens(node('b'));
}

const askDrain = (data: object = {}) => {
  const asked = { clusterId: world.clusterId, nodeId: node('a'), action: 'start', deadlineMs: 600_000, force: false };
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
  await servedByA();
  const before = onTable().length;
  const plan = await planDrain();
  expect(onTable()).toHaveLength(before);
  expect(plan.steps).toMatchObject([{ does: 'move', taskId: taskId(), toNodeId: node('b'), reconnects: true }]);

  const requestId = await askDrain({ planDigest: plan.planDigest });
  const started = await world.until('NodeDrainStarted', { nodeId: node('a') });
  expect(started.meta.correlationId).toBe(requestId);
  await world.until('NodeDrained', { nodeId: node('a') });
  await world.until('TaskStartConfirmed', { taskId: taskId(), nodeId: node('b'), epoch: 2 });
  const types = onTable()
    .slice(before)
    .map(({ type }) => type);
  expect(types).toEqual(['NodeDrainStarted', 'TaskRecalled', 'TaskMoved', 'NodeDrained', 'TaskStartConfirmed']);
  await world.until('SystemServeGranted', { systemId: system(), epoch: 2, cause: 'drain' });
});

it('refuses a plan that is another by now, and shows what it is', async () => {
  await servedByA();
  const { planDigest } = await planDrain();
  await world.fails(node('b'));
  await world.until('NodeClosed', { nodeId: node('b') });

  const requestId = await askDrain({ planDigest });
  const rejected = await world.until('NodeDrainRejected', { requestId });
  expect(rejected.data).toMatchObject({ reason: 'PLAN_CHANGED', planDigest, plan: { steps: [{ does: 'wait' }] } });
  expect((rejected.data['plan'] as PlacementPlan).planDigest).not.toBe(planDigest);

  const without = await askDrain();
  const short = await world.until('NodeDrainRejected', { requestId: without });
  expect(short.data).toMatchObject({ reason: 'CAPACITY_SHORT' });
});

it('stops a drain, and the node is used again', async () => {
  await world.opens(node('a'));
  await askDrain();
  await world.until('NodeDrained', { nodeId: node('a') });
  await askDrain({ action: 'stop' });
  await world.until('NodeDrainStopped', { nodeId: node('a'), by: 'operator' });
  const requestId = await askDrain({ action: 'stop' });
  await world.until('NodeDrainRejected', { requestId, reason: 'NOT_DRAINING' });
});

it('tells over a restart of its own that a drain is late', async () => {
  await servedByA();
  world.silence(node('a'));
  await askDrain({ deadlineMs: 2_000 });
  await world.until('TaskRecalled', { taskId: taskId(), cause: 'drain' });
  await parts.stopBalancer();
  await parts.startBalancer();
  const overdue = await world.until('NodeDrainOverdue', { nodeId: node('a') });
  expect(overdue.data).toMatchObject({ left: [taskId()] });
});

it('drains for maintenance, and opens the node when it ends', async () => {
  await servedByA();
  const until = new Date(Date.now() + 600_000).toISOString();
  const requestId = await world.request('NodeDrainRequested', {
    ...{ clusterId: world.clusterId, nodeId: node('z'), action: 'start', deadlineMs: 1, force: false },
  });
  await world.until('NodeDrainRejected', { requestId, reason: 'UNKNOWN_NODE' });
  const maintenance = { nodeId: node('a'), until, drain: true, by: 'operator', reason: 'disks', requestId };
  await world.health('NodeMaintenanceStarted', maintenance);
  await world.until('NodeDrained', { nodeId: node('a') });
  await world.health('NodeMaintenanceEnded', { nodeId: node('a'), by: 'operator' });
  await world.until('NodeDrainStopped', { nodeId: node('a'), by: 'maintenanceEnded' });
});

it('answers what a loss or a join would do, and what is no question', async () => {
  await servedByA();
  const ask = (change: object, clusterId = world.clusterId) =>
    world.request('PlacementPlanRequested', { clusterId, change });
  const loss = await ask({ type: 'loss', nodeId: node('a') });
  const planned = await world.until('PlacementPlanned', { requestId: loss });
  expect(planned.data).toMatchObject({ plan: { steps: [{ does: 'move', toNodeId: node('b') }], reconnects: 1 } });
  const join = await ask({ type: 'join', likeNodeId: node('b') });
  await world.until('PlacementPlanned', { requestId: join });
  const unknown = await ask({ type: 'loss', nodeId: node('z') });
  await world.until('PlacementPlanRejected', { requestId: unknown, reason: 'UNKNOWN_NODE' });
  const nowhere = await ask({ type: 'loss', nodeId: node('z') }, 'nowhere');
  await world.until('PlacementPlanRejected', { requestId: nowhere, reason: 'UNKNOWN_CLUSTER' });
});

it('plans and refuses a rebalance of what is level', async () => {
  await servedByA();
  const { clusterId } = world;
  const dry = await world.request('RebalanceRequested', { clusterId, dryRun: true });
  const planned = await world.until('RebalancePlanned', { requestId: dry });
  expect(planned.data).toMatchObject({ plan: { steps: [], findings: [{ code: 'LEVEL_ALREADY' }] } });
  const requestId = await world.request('RebalanceRequested', { clusterId });
  await world.until('RebalanceRejected', { requestId, reason: 'LEVEL_ALREADY' });
});
