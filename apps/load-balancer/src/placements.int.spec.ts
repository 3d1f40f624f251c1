import type { ClusterId, NodeId, SystemId } from '@holdfast/contracts';
import { EventStore, setUpStore, Timers, type Tx } from '@holdfast/event-store';
import { freshDatabase, type Postgres, temporaryPostgres } from '@holdfast/testing';
import { randomUUID } from 'node:crypto';
import { CheckpointBatches } from './checkpoint-batches';
import { lookUp } from './domain/persistent-map';
import { type DueTimer, DueTimers } from './due-timers';
import { Fleet } from './fleet';
import { tables } from './load-balancer';
import { Placements } from './placements';
import { ProgressWatch } from './progress';
import { Systems } from './systems';

const clusterId = 'c1' as ClusterId;
const n = (id: string) => id as NodeId;
const s = (id: string) => id as SystemId;
const actor = { tokenId: randomUUID() as never, role: 'admin' as const };
const asked = () => ({ requestId: randomUUID() as never, actor, dryRun: false });
const at = '2026-01-01T00:00:00.000Z';

let postgres: Postgres;
let url: string;
/** Two processes of the same service, as after a pause: each has its own memory of the same streams. */
let one: Balancer;
let other: Balancer;

interface Balancer {
  store: EventStore;
  placements: Placements;
  systems: Systems;
  fleet: Fleet;
}

async function balancer(takenMs = 5_000): Promise<Balancer> {
  const store = await EventStore.connect({ url, service: 'load-balancer', tables });
  const placements = new Placements(store, takenMs);
  return { store, placements, systems: new Systems(placements), fleet: new Fleet(placements) };
}

const within = <T>({ store }: Balancer, work: (tx: Tx) => Promise<T>) => store.inTransaction(work);

async function nodeOpens(id: string): Promise<void> {
  const capacity = { bytesPerSec: 100 };
  const node = {
    ...asked(),
    clusterId,
    nodeId: n(id),
    zone: 'z',
    dataAddress: '127.0.0.1',
    engineVersion: '7',
    capacity,
  };
  await within(one, (tx) => one.fleet.nodeJoined(tx, node));
  await within(one, (tx) => one.fleet.nodeRecovered(tx, { clusterId, nodeId: n(id), holdMs: 0 }));
}

const volumes = [{ volumeId: 'a' as never, sizeBytes: 1024 }];
const register = (id: string) =>
  within(one, (tx) => one.systems.register(tx, { ...asked(), systemId: s(id), clusterId, volumes }));

async function ownerOf(id: string) {
  const task = lookUp((await one.placements.table(clusterId)).tasks, `serve-${id}`);
  if (!task?.nodeId) throw new RangeError(`nobody has ${id}`);
  return { clusterId, nodeId: task.nodeId, taskId: task.taskId, epoch: task.epoch, at };
}

const take = async (id: string) => {
  const owner = await ownerOf(id);
  await within(one, (tx) => one.placements.hear(tx, { type: 'NoteTaken', ...owner, tookMs: 1 }));
};

/** Asked for, and its node says that it stopped. */
const retire = async (id: string) => {
  await within(one, (tx) => one.systems.retire(tx, { ...asked(), systemId: s(id) }));
  const owner = await ownerOf(id);
  await within(one, (tx) => one.placements.hear(tx, { type: 'NoteStopped', ...owner, token: null, doneBytes: 0 }));
};

const typesOf = async (stream: string) => (await one.store.read(stream)).map(({ type }) => type);

beforeAll(async () => {
  postgres = await temporaryPostgres();
});
beforeEach(async () => {
  url = await freshDatabase(postgres, setUpStore);
  one = await balancer();
  other = await balancer();
  await within(one, (tx) =>
    one.fleet.clusterRegistered(tx, { ...asked(), clusterId, name: 'one', addressRanges: ['127.9.0.0/29'] }),
  );
});
afterEach(async () => {
  await one.store.close();
  await other.store.close();
});
afterAll(() => postgres.stop());

it('registers, admits, orders and grants in one append', async () => {
  await nodeOpens('n1');
  await register('s1');
  expect(await typesOf('system-s1')).toEqual(['SystemRegistered', 'SystemServeGranted']);
  expect(await typesOf('routing-table-c1')).toEqual(['NodeOpened', 'TaskAdmitted', 'TaskAssigned']);
  const [registered, granted] = await one.store.read('system-s1');
  expect(registered?.data).toMatchObject({ address: '127.9.0.1' });
  const ordered = (await one.store.read('routing-table-c1')).at(-1);
  expect(granted?.data).toMatchObject({ nodeId: 'n1', epoch: 1 });
  expect(ordered?.data).toMatchObject({ nodeId: 'n1', epoch: 1, spec: { address: '127.9.0.1', create: true } });
});

it('opens a node whose recovery was heard before it joined', async () => {
  await within(one, (tx) => one.fleet.nodeRecovered(tx, { clusterId, nodeId: n('n1'), holdMs: 0 }));
  expect(await typesOf('routing-table-c1')).toEqual([]);
  await nodeOpens('n1');
  expect(await typesOf('routing-table-c1')).toEqual(['NodeOpened']);
});

it('gives a node nothing while its agent told of a dead medium, until health has found it well again', async () => {
  const ofNode = { clusterId, nodeId: n('n1') };
  const incarnation = randomUUID() as never;
  const media = [{ medium: 'pool', state: 'dead' as const, freeBytes: 0 }];
  await within(one, (tx) =>
    one.fleet.inventoryReported(tx, { ...ofNode, incarnation, kinds: ['serve'], media, at } as never),
  );
  await nodeOpens('n1');
  await register('s1');
  expect((await typesOf('routing-table-c1')).at(-1)).toBe('TaskDeferred');
  await within(one, (tx) => one.fleet.unhealthy(tx, ofNode, { type: 'CordonNode', cause: 'impaired' }));
  await within(one, (tx) => one.fleet.nodeRecovered(tx, { ...ofNode, holdMs: 0 }));
  expect((await typesOf('routing-table-c1')).at(-1)).toBe('TaskAssigned');
});

it('of two writers who saw the same node fail, lets one move its systems', async () => {
  await nodeOpens('n1');
  for (const id of ['s1', 's2', 's3']) {
    await register(id);
    await take(id);
  }
  await nodeOpens('n2');
  await other.placements.table(clusterId); // what it remembers is true now, and soon is not
  const down = (b: Balancer) =>
    within(b, (tx) => b.fleet.unhealthy(tx, { clusterId, nodeId: n('n1') }, { type: 'CloseNode', cause: 'down' }));
  await Promise.all([down(one), down(other)]);
  expect((await typesOf('routing-table-c1')).filter((type) => type === 'TaskMoved')).toHaveLength(3);
  for (const id of ['s1', 's2', 's3']) {
    const grants = (await one.store.read(`system-${id}`)).filter(({ type }) => type === 'SystemServeGranted');
    expect(grants.map(({ data }) => (data as { epoch: number }).epoch)).toEqual([1, 2]);
  }
});

it('answers an equal request with the system that is there, and ends it', async () => {
  await nodeOpens('n1');
  await register('s1');
  await take('s1');
  await register('s1');
  expect(await typesOf('system-s1')).toEqual(['SystemRegistered', 'SystemServeGranted', 'SystemRegistered']);
  expect((await typesOf('routing-table-c1')).slice(-2)).toEqual(['TaskStartConfirmed', 'TaskStartConfirmed']);
});

it('takes a failed creation apart, and gives name and address to the next', async () => {
  await nodeOpens('n1');
  await register('s1');
  const owner = await ownerOf('s1');
  const incarnation = randomUUID() as never;
  await within(one, (tx) => one.systems.declined(tx, { ...owner, incarnation, code: 'NO_SPACE', highestEpoch: 1 }));
  expect((await typesOf('system-s1')).slice(-2)).toEqual(['SystemRejected', 'SystemRemovalGranted']);
  expect((await typesOf('routing-table-c1')).slice(-2)).toEqual(['TaskCancelled', 'SystemRemovalOrdered']);

  const removed = { clusterId, nodeId: owner.nodeId, incarnation, at, systemId: s('s1'), epoch: 2 };
  await within(one, (tx) => one.systems.removed(tx, removed));
  await register('s1');
  const last = (await one.store.read('routing-table-c1')).at(-1);
  expect(last).toMatchObject({ type: 'TaskAssigned', data: { epoch: 3, spec: { address: '127.9.0.1' } } });
});

it('retires, deletes, and asks another node when the first is silent about the removal', async () => {
  await nodeOpens('n1');
  await register('s1');
  await take('s1');
  await retire('s1');
  expect((await typesOf('system-s1')).slice(-2)).toEqual(['SystemRetirementStarted', 'SystemRetired']);

  await nodeOpens('n2');
  await within(one, (tx) => one.systems.delete(tx, { ...asked(), systemId: s('s1') }));
  await within(one, (tx) => one.systems.checkRemoval(tx, s('s1')));
  const orders = (await one.store.read('routing-table-c1')).filter(({ type }) => type === 'SystemRemovalOrdered');
  const [first, second] = orders.map(({ data }) => data as { nodeId: NodeId; epoch: number });
  expect([first?.epoch, second?.epoch]).toEqual([2, 3]);
  expect(second?.nodeId).not.toBe(first?.nodeId);

  const told = { clusterId, nodeId: second!.nodeId, incarnation: randomUUID() as never, at };
  await within(one, (tx) => one.systems.removed(tx, { ...told, systemId: s('s1'), epoch: 3 }));
  expect((await typesOf('system-s1')).at(-1)).toBe('SystemDeleted');
  expect(await one.store.query('select from timer')).toEqual([]);
});

it('orders a removal that a brake held back soon after the brake is off, not half a minute later', async () => {
  await nodeOpens('n1');
  await register('s1');
  await take('s1');
  await retire('s1');
  await within(one, (tx) => one.fleet.sightLost(tx, clusterId));
  await within(one, (tx) => one.systems.delete(tx, { ...asked(), systemId: s('s1') }));
  expect(await typesOf('routing-table-c1')).not.toContain('SystemRemovalOrdered');
  const soon = `select from timer where name = 'removal' and due_at <= now() + interval '1 second'`;
  expect(await one.store.query(soon)).toHaveLength(1);
});

it('looks at removals in as many transactions as there are connections, none waiting for another', async () => {
  const connections = one.store.pool.options.max;
  let begun = 0;
  let go: () => void = () => undefined;
  const allBegun = new Promise<void>((resolve) => (go = resolve));
  const looking = Array.from({ length: connections }, (_, i) =>
    within(one, async (tx) => {
      begun += 1;
      if (begun === connections) go();
      await allBegun;
      await one.systems.checkRemoval(tx, s(`s${i}`));
    }),
  );
  await expect(Promise.all(looking)).resolves.toHaveLength(connections);
});

it('halts clusters registered later too, and lifts the fleet’s halt only where the cluster is not halted itself', async () => {
  const scope = (name: string) => ({ ...asked(), scope: name as never, reason: 'drill' });
  await within(one, (tx) => one.fleet.halted(tx, scope('fleet')));
  await within(one, (tx) => one.fleet.halted(tx, scope('c2')));
  const c2 = { ...asked(), clusterId: 'c2' as ClusterId, name: 'two', addressRanges: ['127.8.0.0/29'] };
  await within(one, (tx) => one.fleet.clusterRegistered(tx, c2));
  await within(one, (tx) => one.fleet.resumed(tx, scope('fleet')));
  expect(await typesOf('routing-table-c1')).toEqual(['PlacementHeld', 'PlacementResumed']);
  expect(await typesOf('routing-table-c2')).toEqual(['PlacementHeld']);
  await within(one, (tx) => one.fleet.resumed(tx, scope('c2')));
  expect((await typesOf('routing-table-c2')).at(-1)).toBe('PlacementResumed');
});

it('moves by its timer what no agent answered, and resumes by its timer after a blindness', async () => {
  const quick = await balancer(100);
  const dueTimers = new DueTimers(
    ...([quick.placements, quick.systems, new CheckpointBatches(quick.placements), new ProgressWatch()] as const),
  );
  const timers = new Timers(quick.store, (...[, , command, tx]) => dueTimers.fire(tx, command as DueTimer));
  try {
    await nodeOpens('n1');
    await within(one, (tx) => one.fleet.sightLost(tx, clusterId));
    await register('s1');
    await nodeOpens('n2');
    await within(one, async (tx) => one.fleet.sightRegained(tx, { clusterId, at, blindMs: 1, sightHoldMs: 50 }));
    const appended = waitFor(quick, 'TaskMoved');
    timers.start();
    await appended;
    const types = await typesOf('routing-table-c1');
    expect(types.indexOf('PlacementResumed')).toBeLessThan(types.indexOf('TaskAssigned'));
    const moved = (await one.store.read('routing-table-c1')).find(({ type }) => type === 'TaskMoved');
    expect(moved?.data).toMatchObject({ cause: 'notTaken', epoch: 2 });
  } finally {
    await timers.stop();
    await quick.store.close();
  }
});

/** Resolves with the append that brings an event of this type to the table. */
function waitFor({ store }: Balancer, wanted: string): Promise<void> {
  return new Promise((resolve, reject) => {
    store.onAppended(() => {
      typesOf('routing-table-c1').then((types) => types.includes(wanted) && resolve(), reject);
    });
  });
}
