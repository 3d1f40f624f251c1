import type { EventStore } from './event-store';
import { bindSight, lose, type Sight, sightDecider, type SightState, type StoreSuite, storeSuite } from './fixtures';
import { bindDecider } from './streams';

describe('bindDecider', () => {
  let suite: StoreSuite;
  let store: EventStore;
  let last = 0;
  const fresh = () => `s${(last += 1)}`;
  const grow = async (id: string, events: number) => {
    const streams = bindSight(store);
    await store.inTransaction(async (tx) => {
      for (let n = 0; n < events; n += 1) await streams.handle(tx, id, lose);
    });
  };
  const snapshots = (id: string) =>
    store.query<{ version: number; shape: string; state: SightState }>(
      'select version, shape, state from snapshot where stream = $1',
      [`cluster-health-${id}`],
    );
  /** Makes the fold from a snapshot visible: 1,000 more than from the events. */
  const mark = (id: string) =>
    store.query(`update snapshot set state = '{"lost": 1200}' where stream = $1`, [`cluster-health-${id}`]);

  beforeAll(async () => {
    suite = await storeSuite();
    store = await suite.connect();
  });

  afterAll(() => suite.stop());

  it('keeps a snapshot at each 200 events, and none before', async () => {
    const id = fresh();
    await grow(id, 199);
    expect(await snapshots(id)).toEqual([]);
    await grow(id, 1);
    expect(await snapshots(id)).toEqual([{ version: 200, shape: 'v1', state: { lost: 200 } }]);
    await grow(id, 250);
    expect(await snapshots(id)).toEqual([{ version: 450, shape: 'v1', state: { lost: 450 } }]);
  });

  it('folds a cold stream from its snapshot on', async () => {
    const id = fresh();
    await grow(id, 200);
    await mark(id);
    await grow(id, 3);
    expect(await bindSight(store).load(id)).toEqual({ state: { lost: 1203 }, version: 203 });
  });

  it('passes over a snapshot of another shape, and folds from the beginning', async () => {
    const id = fresh();
    await grow(id, 201);
    await mark(id);
    expect(await bindSight(store, 'v2').load(id)).toEqual({ state: { lost: 201 }, version: 201 });
  });

  it('shows an earlier version as it was, also one before the snapshot', async () => {
    const id = fresh();
    await grow(id, 205);
    const streams = bindSight(store);
    await streams.load(id);
    expect(await streams.load(id, { version: 100 })).toEqual({ state: { lost: 100 }, version: 100 });
    expect(await streams.load(id, { version: 203 })).toEqual({ state: { lost: 203 }, version: 203 });
    expect(await streams.load(id, { version: 0 })).toEqual({ state: { lost: 0 }, version: 0 });
  });

  it('reads what others appended since it was cached', async () => {
    const id = fresh();
    const streams = bindSight(store);
    await streams.load(id);
    await grow(id, 2);
    expect(await streams.load(id)).toEqual({ state: { lost: 2 }, version: 2 });
  });

  it('folds what was decided once, as it is stored', async () => {
    let folded = 0;
    const evolve = (state: SightState, event: Sight) => {
      folded += 1;
      return sightDecider.evolve(state, event);
    };
    const binding = { prefix: 'cluster-health', shape: 'v1', partitionKey: (id: string) => id };
    const streams = bindDecider(store, { ...sightDecider, evolve }, binding);
    await store.inTransaction((tx) => streams.handle(tx, fresh(), lose));
    expect(folded).toBe(1);
  });

  it('fixes the partition key at the birth of a stream', async () => {
    const id = fresh();
    const keyed = (key: string) =>
      bindDecider(store, sightDecider, { prefix: 'cluster-health', shape: 'v1', partitionKey: () => key });
    for (const key of ['first', 'second']) await store.inTransaction((tx) => keyed(key).handle(tx, id, lose));
    expect((await store.read(`cluster-health-${id}`)).map(({ partitionKey }) => partitionKey)).toEqual([
      'first',
      'first',
    ]);
  });

  it('fails closed on an event of a newer version, for this stream alone', async () => {
    const [newer, known] = [fresh(), fresh()];
    await grow(newer, 1);
    await grow(known, 1);
    const admin = await suite.superuser();
    await admin.query(
      `update es.event e set schema_version = 99 from es.stream s where s.stream_no = e.stream_no and s.key = $1`,
      [`cluster-health-${newer}`],
    );
    await admin.end();
    await expect(bindSight(store).load(newer)).rejects.toMatchObject({ code: 'EVENT_UNKNOWN' });
    expect(await bindSight(store).load(known)).toMatchObject({ version: 1 });
  });

  it('is read inside as many transactions as there are connections, none waiting for another', async () => {
    const id = fresh();
    await grow(id, 3);
    const streams = bindSight(store);
    const connections = store.pool.options.max;
    let begun = 0;
    let go: () => void = () => undefined;
    const allBegun = new Promise<void>((resolve) => (go = resolve));
    const reading = Array.from({ length: connections }, () =>
      store.inTransaction(async (tx) => {
        begun += 1;
        if (begun === connections) go();
        await allBegun;
        return streams.loadIn(tx, id);
      }),
    );
    for (const { value } of await Promise.all(reading)) expect(value).toEqual({ state: { lost: 3 }, version: 3 });
  });

  it('is read inside a transaction with what that one has decided, and by no other', async () => {
    const id = fresh();
    const streams = bindSight(store);
    await store.inTransaction(async (tx) => {
      await streams.handle(tx, id, lose);
      expect(await streams.loadIn(tx, id)).toEqual({ state: { lost: 1 }, version: 1 });
      expect(await streams.load(id)).toEqual({ state: { lost: 0 }, version: 0 });
    });
  });
});
