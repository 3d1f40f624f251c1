import { topics } from '@holdfast/contracts';
import { setUpStore } from '@holdfast/event-store';
import { ensureTopics, KafkaLink } from '@holdfast/messaging/agent';
import { readConfig } from '@holdfast/observability';
import { freshDatabase, type Postgres, type RunningKafka, startKafka, temporaryPostgres } from '@holdfast/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { balancerConfig } from './config';
import { type LoadBalancer, startLoadBalancer } from './load-balancer';
import { World } from './world-fixture';

let dir: string;
let kafka: RunningKafka;
let postgres: Postgres;
let link: KafkaLink;
let balancer: LoadBalancer;
let world: World;
let cluster = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'holdfast-balancer-'));
  [kafka, postgres] = await Promise.all([startKafka({ dir }), temporaryPostgres()]);
  await ensureTopics([kafka.brokers], { partitions: 1 });
  link = new KafkaLink({ brokers: [kafka.brokers], clientId: 'world' });
  const environment = {
    HOLDFAST_DATABASE_URL: await freshDatabase(postgres, setUpStore),
    HOLDFAST_KAFKA_BROKERS: kafka.brokers,
    HOLDFAST_BALANCER_TAKEN_MS: '500',
  };
  balancer = await startLoadBalancer(readConfig(balancerConfig, environment));
});

afterAll(async () => {
  await balancer?.stop();
  await link?.stop();
  await Promise.all([kafka?.kill(), postgres?.stop()]);
  await rm(dir, { recursive: true, force: true });
});

// Each test has a cluster of its own: c1, c2 …, and systems named after it.
beforeEach(async () => {
  cluster += 1;
  world = new World(link, `c${cluster}`);
  await world.start();
  const addressRanges = [`127.40.${cluster}.0/29`];
  await world.request('ClusterRegistered', { clusterId: world.clusterId, name: 'one', addressRanges });
});

afterEach(() => world.stop());

const system = () => `s${cluster}`;
const create = () => {
  const volumes = [{ volumeId: 'a', sizeBytes: 1024 }];
  return world.request('SystemRequested', { systemId: system(), clusterId: world.clusterId, volumes });
};
const taskId = () => `serve-${system()}`;
const name = (suffix: string) => `n${cluster}${suffix}`;

/** A system served by node a, with node b open beside it. */
async function servedByA(): Promise<void> {
  await world.opens(name('a'));
  await create();
  await world.until('TaskStartConfirmed', { taskId: taskId() });
  await world.opens(name('b'));
}

it('registers, orders, and confirms what an agent took, under the request’s correlation id', async () => {
  await world.opens(name('a'));
  const requestId = await create();
  const confirmed = await world.until('TaskStartConfirmed', { taskId: taskId() });
  expect(confirmed.data).toMatchObject({ nodeId: name('a'), epoch: 1, created: true });
  const registered = await world.until('SystemRegistered', { systemId: system() });
  expect(registered.meta.correlationId).toBe(requestId);
  const granted = await world.until('SystemServeGranted', { systemId: system() });
  expect(granted.data).toMatchObject({ nodeId: name('a'), epoch: 1 });
  expect(granted.meta.correlationId).toBe(requestId);
});

it('moves the system of a failed node with the verdict, at the next epoch, and grants it', async () => {
  await servedByA();
  await world.fails(name('a'));
  const closed = await world.until('NodeClosed', { nodeId: name('a') });
  const moved = await world.until('TaskMoved', { taskId: taskId() });
  expect(moved.data['at']).toBe(closed.data['at']); // one decision
  expect(moved.data).toMatchObject({ nodeId: name('b'), fromNodeId: name('a'), epoch: 2, cause: 'nodeDown' });
  const granted = await world.until('SystemServeGranted', { systemId: system(), epoch: 2 });
  expect(granted.data).toMatchObject({ nodeId: name('b'), cause: 'nodeDown' });
  await world.until('TaskStartConfirmed', { taskId: taskId(), nodeId: name('b'), epoch: 2 });
});

it('changes nothing on facts that are late, doubled or out of order', async () => {
  await servedByA();
  const down = await world.fails(name('a'));
  await world.until('TaskStartConfirmed', { taskId: taskId(), epoch: 2 });
  const seen = world.heard.length;

  await world.again(topics.health.name, down);
  const fault = { taskId: taskId(), epoch: 1, errorClass: 'node', code: 'ENGINE_DOWN', token: null };
  const next = world.versionOf(name('a')) + 1;
  const taken = { taskId: taskId(), epoch: 1, tookMs: 1 };
  await world.agentAt(next + 1, name('a'), { type: 'TaskFaulted', data: fault }); // the second before the first
  await world.agentAt(next, name('a'), { type: 'TaskTaken', data: taken });

  // What follows is heard after all of it.
  await world.health('ClusterFrozen', { cause: 'massSilence', lateNodeIds: [], limit: 1 });
  await world.until('PlacementHeld', { clusterId: world.clusterId });
  const since = world.heard.slice(seen).map(({ type }) => type);
  expect(since).toEqual(['PlacementHeld']);
});

it('holds every move while it is blind, and for sightHoldMs more', async () => {
  await servedByA();
  await world.health('ClusterSightLost', { cause: 'partition' });
  await world.until('PlacementHeld', { clusterId: world.clusterId, brake: 'blind' });
  await world.fails(name('a'));
  await world.until('NodeClosed', { nodeId: name('a') });
  const regainedAt = Date.now();
  await world.health('ClusterSightRegained', { blindMs: 2_000, sightHoldMs: 700 });
  const resumed = await world.until('PlacementResumed', { clusterId: world.clusterId, brake: 'blind' });
  expect(Date.parse(String(resumed.data['at'])) - regainedAt).toBeGreaterThanOrEqual(700);
  await world.until('TaskMoved', { taskId: taskId(), nodeId: name('b') });
  const types = world.heard
    .filter(({ stream }) => stream === `routing-table-${world.clusterId}`)
    .map(({ type }) => type);
  expect(types.slice(types.indexOf('PlacementHeld'), types.indexOf('TaskMoved'))).toEqual([
    ...['PlacementHeld', 'NodeClosed', 'PlacementResumed'],
  ]);
});

it('offers a restarted agent what it owns, at the same epoch and to that start of it', async () => {
  await servedByA();
  const since = world.heard.length;
  await world.agent(name('a'), 'NodeStarted', { journal: 'kept', held: [], adopted: [] });
  const offered = await world.until('TaskAssigned', { taskId: taskId() }, since);
  const incarnation = expect.stringMatching(/^[0-9a-f-]{36}$/) as string;
  expect(offered.data).toMatchObject({ cause: 'nodeStarted', epoch: 1, nodeIncarnation: incarnation });
  await world.until('TaskStartConfirmed', { taskId: taskId(), epoch: 1 }, since);
});

it('lets another node create what the creating one left half done', async () => {
  world.silence(name('a'));
  await world.opens(name('a'));
  await create();
  await world.until('TaskAssigned', { taskId: taskId() });
  await world.opens(name('b'));
  await world.fails(name('a'));
  const moved = await world.until('TaskMoved', { taskId: taskId() });
  expect(moved.data).toMatchObject({ nodeId: name('b'), epoch: 2, spec: { create: true } });
  await world.until('TaskStartConfirmed', { taskId: taskId(), created: true });
});

it('asks another node when one is silent about an order', async () => {
  world.silence(name('a'));
  await world.opens(name('a'));
  await create();
  await world.until('TaskAssigned', { taskId: taskId() });
  await world.opens(name('b'));
  const moved = await world.until('TaskMoved', { taskId: taskId() });
  expect(moved.data).toMatchObject({ nodeId: name('b'), epoch: 2, cause: 'notTaken' });
});

it('rejects a creation without space, removes its folder, and gives the name to the next', async () => {
  world.silence(name('a'));
  await world.opens(name('a'));
  const requestId = await create();
  await world.until('TaskAssigned', { taskId: taskId() });
  await world.agent(name('a'), 'TaskDeclined', { taskId: taskId(), epoch: 1, code: 'NO_SPACE', highestEpoch: 1 });
  const rejected = await world.until('SystemRejected', { systemId: system() });
  expect(rejected.data).toMatchObject({ reason: 'NO_SPACE', requestId });
  await world.until('SystemRemovalOrdered', { systemId: system(), epoch: 2 });
  await world.agent(name('a'), 'SystemRemoved', { systemId: system(), epoch: 2 });
  await world.until('SystemDeleted', { systemId: system() });
  await create();
  await world.until('TaskAssigned', { taskId: taskId(), epoch: 3 });
});

it('retires and deletes a system, each under its own request', async () => {
  await servedByA();
  const early = await world.request('SystemDeletionRequested', { systemId: system() }, 'fleet');
  const refused = await world.until('SystemDeletionRejected', { systemId: system() });
  expect(refused.data).toMatchObject({ requestId: early, reason: 'NOT_RETIRED' });

  const retirement = await world.request('SystemRetirementRequested', { systemId: system() }, 'fleet');
  const started = await world.until('SystemRetirementStarted', { systemId: system() });
  expect(started.meta.correlationId).toBe(retirement);
  await world.until('SystemRetired', { systemId: system() });

  await world.request('SystemDeletionRequested', { systemId: system() }, 'fleet');
  const removal = await world.until('SystemRemovalOrdered', { systemId: system() });
  expect(removal.data).toMatchObject({ epoch: 2 });
  await world.until('SystemDeleted', { systemId: system() });
});

it('is ready, and counts what nobody serves', async () => {
  await world.request('SystemRequested', {
    ...{ systemId: system(), clusterId: 'nowhere', volumes: [{ volumeId: 'a', sizeBytes: 1 }] },
  });
  const rejected = await world.until('SystemRejected', { systemId: system() });
  expect(rejected.data).toMatchObject({ reason: 'UNKNOWN_CLUSTER' });
  const ask = (path: string) => fetch(`http://127.0.0.1:${balancer.admin.port}${path}`);
  expect((await ask('/readyz')).status).toBe(200);
  const metrics = await (await ask('/metrics')).text();
  expect(metrics).toMatch(/holdfast_systems_without_holder\{[^}]*cluster="c1"[^}]*\} 0/);
  expect(metrics).toContain('holdfast_system_takeover_seconds_count');
  expect(metrics).toMatch(/holdfast_tasks\{[^}]*cluster="c1"[^}]*\} 0/);
});
