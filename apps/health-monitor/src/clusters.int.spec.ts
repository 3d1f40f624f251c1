import type { ClusterId, NodeId } from '@holdfast/contracts';
import { EventStore, HaltedScopes1764115200200, setUpStore, type Tx } from '@holdfast/event-store';
import { freshDatabase, type Postgres, temporaryPostgres } from '@holdfast/testing';
import { Clusters } from './clusters';
import { Roster } from './domain/roster';
import { Halts } from './halts';

const clusterId = 'c1' as ClusterId;
let postgres: Postgres;
let store: EventStore;

beforeAll(async () => {
  postgres = await temporaryPostgres();
  const url = await freshDatabase(postgres, setUpStore);
  const tables = { migrations: [HaltedScopes1764115200200] };
  store = await EventStore.connect({ url, service: 'health-monitor', tables });
});

afterAll(async () => {
  await store?.close();
  await postgres?.stop();
});

it('knows what a request led to from its commit on, and nothing of what was rolled back', async () => {
  const clusters = new Clusters(store, new Roster(() => 0));
  const halts = new Halts(store);
  const request = (name: string) => async (tx: Tx) => {
    const place = { zone: 'z1', dataAddress: '127.0.0.1', atMs: 0 };
    await clusters.handleIn(tx, { type: 'WatchNode', clusterId, nodeId: name as NodeId, ...place });
    await halts.halt(tx, clusterId);
    expect(clusters.ids).toEqual([]);
  };
  const failing = async (tx: Tx) => {
    await request('n1')(tx);
    throw new RangeError('the batch fails');
  };
  await expect(store.inTransaction(failing)).rejects.toThrow('the batch fails');
  expect([clusters.ids, halts.holds(clusterId)]).toEqual([[], false]);

  await store.inTransaction(request('n2'));
  expect([Object.keys(clusters.stateOf(clusterId).nodes), halts.holds(clusterId)]).toEqual([['n2'], true]);

  const successor = new Halts(store);
  await successor.load();
  expect(successor.holds(clusterId)).toBe(true);
});
