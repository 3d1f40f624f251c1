import type { EventStore } from './event-store';
import { bindSight, lose, sightLost, type StoreSuite, storeSuite } from './fixtures';
import { uuidV5, uuidV7 } from './uuid';

describe('EventStore', () => {
  let suite: StoreSuite;
  let store: EventStore;
  let other: EventStore;
  let last = 0;
  /** A stream that no other spec knows. */
  const fresh = () => `s${(last += 1)}`;
  const entry = (id: string, expected: number | null, events = 1) => ({
    stream: `cluster-health-${id}`,
    partitionKey: id,
    expected,
    events: Array.from({ length: events }, () => sightLost()),
  });
  const versions = async (id: string) => (await store.read(`cluster-health-${id}`)).map(({ version }) => version);
  const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1);

  beforeAll(async () => {
    suite = await storeSuite();
    store = await suite.connect();
    other = await suite.connect();
  });

  afterAll(() => suite.stop());

  it('numbers the events of a stream 1, 2, 3 … while two writers race for it', async () => {
    const id = fresh();
    const writers = [bindSight(store), bindSight(other)];
    await Promise.all(
      [store, other].flatMap((at, writer) =>
        upTo(20).map(() => at.inTransaction((tx) => writers[writer]!.handle(tx, id, lose), { retries: 200 })),
      ),
    );
    expect(await versions(id)).toEqual(upTo(40));
    expect(await bindSight(store).load(id)).toEqual({ state: { lost: 40 }, version: 40 });
  });

  it('decides again when another writer was first, and then on what stands', async () => {
    const id = fresh();
    const [ours, theirs] = [bindSight(store), bindSight(other)];
    await store.inTransaction((tx) => ours.handle(tx, id, lose));
    await other.inTransaction((tx) => theirs.handle(tx, id, lose));

    const { value } = await store.inTransaction((tx) => ours.handle(tx, id, { ...lose, upTo: 2 }));
    expect(value).toMatchObject({ events: [], version: 2 });
  });

  it('does not take an outdated state for a reason to do nothing', async () => {
    const id = fresh();
    const ours = bindSight(store);
    const { value: before } = await store.inTransaction((tx) => ours.handle(tx, id, { ...lose, upTo: 0 }));
    expect(before.version).toBe(0);
    await other.inTransaction((tx) => bindSight(other).handle(tx, id, lose));

    const { value } = await store.inTransaction((tx) => ours.handle(tx, id, { ...lose, upTo: 0 }));
    expect(value).toMatchObject({ events: [], version: 1, state: { lost: 1 } });
  });

  it('gives a conflict to the caller who wants no second run', async () => {
    const id = fresh();
    await store.inTransaction(async (tx) => void tx.append(entry(id, 0)));
    const again = store.inTransaction(async (tx) => void tx.append(entry(id, 0)), { retries: 0 });
    await expect(again).rejects.toMatchObject({
      code: 'STREAM_CONFLICT',
      retryable: true,
      details: { stream: `cluster-health-${id}`, expected: 0, actual: 1 },
    });
  });

  it('runs a lost race five times again, then names the stream that was in the way', async () => {
    const [calm, contended] = [fresh(), fresh()];
    let runs = 0;
    const work = store.inTransaction(async (tx) => {
      runs += 1;
      tx.append(entry(calm, null));
      tx.append(entry(contended, 7));
    });
    await expect(work).rejects.toMatchObject({ code: 'STREAM_CONFLICT', details: { expected: 7, actual: 0 } });
    expect(runs).toBe(6);
    expect(await versions(calm)).toEqual([]);
    expect(await store.streams('cluster-health')).not.toContainEqual(
      expect.objectContaining({ key: `cluster-health-${contended}` }),
    );
  });

  it.each([
    ['0 on a stream that is not', 0, 0, true],
    ['0 on one that is', 1, 0, false],
    ['-1 on one that is not', 0, -1, false],
    ['-1 on one that is', 2, -1, true],
    ['its version', 2, 2, true],
    ['one below its version', 2, 1, false],
    ['one above its version', 2, 3, false],
    ['nothing', 2, null, true],
  ])('expecting %s: head %i, expected %s → written %s', async (_, head, expected, written) => {
    const id = fresh();
    if (head > 0) await store.inTransaction(async (tx) => void tx.append(entry(id, null, head)));
    const outcome = await store
      .inTransaction(async (tx) => void tx.append(entry(id, expected)), { retries: 0 })
      .then(() => true)
      .catch(({ code }) => code !== 'STREAM_CONFLICT');
    expect(outcome).toBe(written);
    expect(await versions(id)).toEqual(upTo(head + (written ? 1 : 0)));
  });

  it('commits a decision, what it led to on other streams, timers and own rows together', async () => {
    const [one, two] = [fresh(), fresh()];
    await expect(
      store.inTransaction(async (tx) => {
        await bindSight(store).handle(tx, one, lose);
        tx.append(entry(two, 0));
        tx.setTimer(one, 'wake', '2030-01-01T00:00:00Z', {});
        await tx.query(`insert into snapshot values ('x', 1, 'x', '{}')`);
        throw new RangeError('the handler failed');
      }),
    ).rejects.toThrow(RangeError);
    expect([await versions(one), await versions(two)]).toEqual([[], []]);
    expect(await store.query('select from timer where stream = $1', [one])).toEqual([]);
    expect(await store.query(`select from snapshot where stream = 'x'`)).toEqual([]);
  });

  it('goes on from its own decisions inside one transaction', async () => {
    const id = fresh();
    const streams = bindSight(store);
    await store.inTransaction(async (tx) => {
      await Promise.all([streams.handle(tx, id, lose), streams.handle(tx, id, lose)]);
      expect(await streams.handle(tx, id, lose)).toMatchObject({ state: { lost: 3 }, version: 3 });
    });
    expect(await versions(id)).toEqual([1, 2, 3]);
  });

  it('tells at commit who wanted to know of it, and nobody when it rolls back', async () => {
    const told: string[] = [];
    const work = (name: string, end: () => void) =>
      store.inTransaction(async (tx) => {
        tx.inContext({}).onCommit(() => told.push(name));
        end();
      });
    await expect(work('rolled back', () => expect(told).toBe('a failure'))).rejects.toThrow();
    await work('committed', () => expect(told).toEqual([]));
    expect(told).toEqual(['committed']);
  });

  it('writes nothing again under a known key, whatever is decided the second time', async () => {
    const id = fresh();
    const key = uuidV7();
    const streams = bindSight(store);
    const ask = (upTo?: number) =>
      store.inTransaction((tx) => streams.handle(tx, id, { ...lose, ...(upTo === undefined ? {} : { upTo }) }), {
        key,
      });

    expect((await ask()).outcome).toBe('committed');
    expect((await ask()).outcome).toBe('repeated');
    expect((await ask(1)).outcome).toBe('repeated');
    expect((await store.read(`cluster-health-${id}`)).map((event) => event.id)).toEqual([uuidV5(key)]);
  });

  it('refuses a key that stands for an event in another stream', async () => {
    const key = uuidV7();
    await store.inTransaction(async (tx) => void tx.append(entry(fresh(), 0)), { key });
    await expect(store.inTransaction(async (tx) => void tx.append(entry(fresh(), 0)), { key })).rejects.toMatchObject({
      code: 'EVENT_ID_REUSED',
    });
  });

  it('stores why each event happened: its own context, or its own beginning', async () => {
    const id = fresh();
    const why = { correlationId: uuidV7(), causationId: uuidV7(), actor: { role: 'admin' } };
    await store.inTransaction(async (tx) => {
      tx.append(entry(id, 0, 2));
      await bindSight(store).handle(tx.inContext(why), fresh(), lose);
      tx.inContext(why).append(entry(id, 2));
    });
    const [first, second, third] = await store.read(`cluster-health-${id}`);
    expect(first!.meta).toEqual({ correlationId: first!.id, causationId: first!.id });
    expect(second!.meta).toEqual(first!.meta);
    expect(third!.meta).toEqual(why);
  });

  it('keeps the data byte for byte, and the instant to the microsecond', async () => {
    const id = fresh();
    await store.inTransaction(async (tx) => void tx.append(entry(id, 0)));
    const [event] = await store.read(`cluster-health-${id}`);
    expect(event!.dataText).toBe('{"clusterId":"alpha","at":"2026-05-01T10:00:00.000Z","cause":"broker"}');
    expect(event!.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  it('tells of unsent events, and sends again what a consumer misses', async () => {
    const id = fresh();
    const woken = jest.fn();
    store.onAppended(woken);
    await store.inTransaction(async (tx) => void tx.append(entry(id, 0, 5)));
    expect(woken).toHaveBeenCalledTimes(1);
    expect((await store.outbox()).pending).toBeGreaterThanOrEqual(5);
    await store.query('delete from es.outbox_health');
    expect(await store.outbox()).toEqual({ pending: 0, oldestMs: 0 });

    expect(await store.resend(`cluster-health-${id}`, 2, 3)).toBe(2);
    expect(woken).toHaveBeenCalledTimes(2);
    expect(await store.resend(`cluster-health-${id}`, 1, 99)).toBe(3);
    expect((await store.outbox()).pending).toBe(5);
    expect(await store.resend('cluster-health-nobody', 1, 9)).toBe(0);
  });

  it.each([
    ['EVENT_INVALID', 'at', { ...sightLost(), data: { ...sightLost().data, at: 'yesterday' } }],
    ['EVENT_INVALID', '', { ...sightLost(), data: { ...sightLost().data, extra: Number.NaN } }],
    ['EVENT_INVALID', '', { type: 'NobodyKnows', data: {} }],
    ['EVENT_INVALID', '', { type: 'SystemRetired', data: {} }],
    ['EVENT_INVALID', '', { type: 'HeartbeatObserved', data: {} }],
  ])('refuses with %s at "%s" before any SQL', async (code, path, event) => {
    const id = fresh();
    const refused = store.inTransaction(async (tx) => void tx.append({ ...entry(id, 0), events: [event] }));
    await expect(refused).rejects.toMatchObject({ code, path });
    expect(await versions(id)).toEqual([]);
  });

  it.each([
    ['NOT_OWNER', 'system-s1'],
    ['NOT_OWNER', 'nobody-knows'],
    ['NOT_OWNER', 'cluster-health'],
    ['STREAM_KEY_INVALID', 'cluster'],
    ['STREAM_KEY_INVALID', 'cluster-'],
    ['STREAM_KEY_INVALID', `cluster-health-${'x'.repeat(186)}`],
    ['STREAM_KEY_INVALID', 'cluster-health-a b'],
    ['STREAM_KEY_INVALID', 'cluster-health-\u0000'],
  ])('refuses with %s the stream %j', async (code, stream) => {
    const refused = store.inTransaction(async (tx) => void tx.append({ ...entry('x', null), stream }));
    await expect(refused).rejects.toMatchObject({ code });
  });

  it('takes an event at the limit of 512 KiB, and refuses one byte more', async () => {
    const id = fresh();
    const parked = (bytes: number) => ({
      type: 'EventParked',
      data: {
        ...{ service: 'health-monitor', consumer: 'main', stream: 'x', version: 1, eventId: null, type: null },
        ...{ code: 'EVENT_INVALID', message: 'm'.repeat(bytes), attempts: 0 },
      },
    });
    const frame = Buffer.byteLength(JSON.stringify(parked(0).data));
    const send = (bytes: number) =>
      store.inTransaction(async (tx) => void tx.append({ ...entry(id, null), events: [parked(bytes - frame)] }));
    await send(524_288);
    await expect(send(524_289)).rejects.toMatchObject({ code: 'EVENT_TOO_LARGE' });
    expect(await versions(id)).toEqual([1]);
  });

  it('appends nothing while its gate is closed, but reads and keeps its own rows', async () => {
    const id = fresh();
    store.appendGate = { open: false, reason: 'STORE_REGRESSED' };
    try {
      const refused = store.inTransaction((tx) => bindSight(store).handle(tx, id, lose));
      await expect(refused).rejects.toMatchObject({ code: 'STORE_REGRESSED', retryable: false });
      store.appendGate = { open: false };
      const waiting = store.inTransaction((tx) => bindSight(store).handle(tx, id, lose));
      await expect(waiting).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
      await store.inTransaction((tx) => tx.query('delete from snapshot'));
      expect(await versions(id)).toEqual([]);
    } finally {
      store.appendGate = { open: true };
    }
  });

  it('never waits for a lock in a circle: units over the same streams are all or none', async () => {
    const ids = [fresh(), fresh(), fresh()];
    const both = (at: EventStore, order: string[]) =>
      upTo(15).map(() =>
        at.inTransaction(async (tx) => order.forEach((id) => tx.append(entry(id, null))), { retries: 0 }),
      );
    await Promise.all([...both(store, ids), ...both(other, [...ids].reverse())]);
    for (const id of ids) expect(await versions(id)).toEqual(upTo(30));
    const commits = await store.query(
      `select count(distinct e.xmin::text)::int as n from es.event_health e join es.stream_health s using (stream_no)
       where s.key = any ($1)`,
      [ids.map((id) => `cluster-health-${id}`)],
    );
    expect(commits).toEqual([{ n: 30 }]);
  });

  it('does not commit over a statement that failed and was swallowed', async () => {
    const work = store.inTransaction(async (tx) => {
      await tx.query('select 1 / 0').catch(() => undefined);
    });
    await expect(work).rejects.toMatchObject({ code: 'INVARIANT_BROKEN' });
  });
});
