import { StoreUnavailable } from './errors';
import type { EventStore } from './event-store';
import { bindSight, lose, sightLost, type StoreSuite, storeSuite } from './fixtures';
import { SeverableLink } from './severed.fixture';

describe('a store whose connection is lost', () => {
  let suite: StoreSuite;
  let store: EventStore;
  let link: SeverableLink;
  let last = 0;
  const fresh = () => `s${(last += 1)}`;
  const stored = (id: string) => store.read(`cluster-health-${id}`);

  beforeAll(async () => {
    suite = await storeSuite();
    link = await SeverableLink.to(suite.url);
    store = await suite.connect('health-monitor', link.urlOf(suite.url));
  });

  afterAll(async () => {
    await suite.stop();
    await link.close();
  });

  it('runs the work again when its commit never arrived', async () => {
    const id = fresh();
    const streams = bindSight(store);
    let runs = 0;
    link.cutAtCommit('before');
    const { outcome, value } = await store.inTransaction((tx) => {
      runs += 1;
      return streams.handle(tx, id, lose);
    });
    expect({ outcome, runs, version: value.version }).toEqual({ outcome: 'committed', runs: 2, version: 1 });
    expect(await stored(id)).toHaveLength(1);
  });

  it('learns by the ids that a commit arrived whose answer did not, and runs nothing again', async () => {
    const [id, order] = [fresh(), fresh()];
    const streams = bindSight(store);
    const appended = jest.fn();
    store.onAppended(appended);
    let runs = 0;
    link.cutAtCommit('after');
    const { outcome, value } = await store.inTransaction((tx) => {
      runs += 1;
      tx.append({ stream: `cluster-health-${order}`, partitionKey: 'a', expected: null, events: [sightLost()] });
      return streams.handle(tx, id, lose);
    });
    expect({ outcome, runs, version: value.version }).toEqual({ outcome: 'committed', runs: 1, version: 1 });
    expect([(await stored(id)).length, (await stored(order)).length]).toEqual([1, 1]);
    expect(appended).toHaveBeenCalledTimes(1);
    // The state it believes in is the one that stands: no conflict, no second load.
    expect(await store.inTransaction((tx) => streams.handle(tx, id, lose), { retries: 0 })).toMatchObject({
      value: { version: 2 },
    });
  });

  it('asks again for work that only changed rows of its own', async () => {
    let runs = 0;
    link.cutAtCommit('after');
    await store.inTransaction(async (tx) => {
      runs += 1;
      await tx.query(`insert into snapshot values ('own', 1, 'v1', '{}') on conflict do nothing`);
    });
    expect(runs).toBe(2);
  });

  it('runs the work again when the server went away in the middle, whatever the work made of the error', async () => {
    const id = fresh();
    let runs = 0;
    await store.inTransaction(async (tx) => {
      tx.append({ stream: `cluster-health-${id}`, partitionKey: id, expected: 0, events: [sightLost()] });
      runs += 1;
      if (runs > 1) return;
      await suite.postgres.kill();
      void suite.postgres.restart();
      await tx.query('select 1').catch(() => {
        throw new RangeError('a handler that hides what happened');
      });
    });
    expect(runs).toBe(2);
    expect(await stored(id)).toHaveLength(1);
  });

  it('holds every acknowledged event once, without a gap, after PostgreSQL was killed under its writers', async () => {
    const ids = Array.from({ length: 4 }, fresh);
    const streams = bindSight(store);
    const acknowledged = new Map<string, number>();
    let writing = true;
    // On a busy disk the server's recovery outlasts the store's own patience: the caller asks again, as it is told to.
    const write = async (id: string): Promise<number> => {
      for (;;) {
        try {
          return (await store.inTransaction((tx) => streams.handle(tx, id, lose))).value.version;
        } catch (error) {
          if (!(error instanceof StoreUnavailable)) throw error;
        }
      }
    };
    const writers = ids.map(async (id) => {
      while (writing) acknowledged.set(id, await write(id));
    });
    for (let kills = 0; kills < 3; kills += 1) {
      const seen = acknowledged.get(ids[0]!) ?? 0;
      while ((acknowledged.get(ids[0]!) ?? 0) < seen + 20) await new Promise((resolve) => setImmediate(resolve));
      await suite.postgres.kill();
      await suite.postgres.restart();
    }
    writing = false;
    await Promise.all(writers);

    for (const id of ids) {
      const versions = (await stored(id)).map(({ version }) => version);
      expect(versions).toEqual(versions.map((_, index) => index + 1));
      expect(versions).toHaveLength(acknowledged.get(id)!);
    }
  });

  it('appends nothing to a server that was restarted since it was looked at', async () => {
    const startedAt = async () => {
      const [row] = await store.query<{ at: string }>('select pg_postmaster_start_time()::text as at');
      return row!.at;
    };
    const id = fresh();
    const streams = bindSight(store);
    const ask = () => store.inTransaction((tx) => streams.handle(tx, id, lose));
    store.appendGate = { open: true, since: await startedAt() };
    await ask();
    await suite.postgres.kill();
    await suite.postgres.restart();
    const waiting = ask();
    await expect(waiting).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('looked at'),
    });
    store.appendGate = { open: true, since: await startedAt() };
    await ask();
    expect(await stored(id)).toHaveLength(2);
    store.appendGate = { open: true };
  });

  it('says that it is unavailable once its patience ends', async () => {
    await suite.postgres.kill();
    const id = fresh();
    const asked = performance.now();
    await expect(store.inTransaction((tx) => bindSight(store).handle(tx, id, lose))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retryable: true,
    });
    expect(performance.now() - asked).toBeGreaterThan(4_000);
    await expect(store.headVersion('cluster-health-x')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await suite.postgres.restart();
  });
});
