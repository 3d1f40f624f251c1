import { AutomationHalted } from '@holdfast/contracts';
import { projections } from '../projections';
import { defineProjection, rowsTableOf, type FeedEvent } from '../projections/projection';
import {
  admitted,
  assigned,
  confirmed,
  down,
  joined,
  moved,
  recovered,
  registered,
  suspected,
  systemRegistered,
} from '../testing/fleet';
import { FeedSuite } from '../testing/feed-suite';
import { asked, AT, rowsOf } from '../testing/told';
import { createRows } from './tables';

const suite = new FeedSuite();

const life = [
  registered,
  joined('n1'),
  recovered('n1'),
  joined('n2'),
  recovered('n2'),
  systemRegistered,
  admitted,
  assigned('n1', 1, true),
  confirmed('n1', 1),
  suspected('n1'),
  down('n1'),
  moved('n1', 'n2', 2),
  confirmed('n2', 2),
  recovered('n1'),
];

beforeAll(() => suite.start());
afterAll(() => suite.stop());
beforeEach(() => suite.fresh());
afterEach(() => suite.close());

const named = (name: string) => projections.filter((projection) => projection.name === name);

async function storedRows(name: string): Promise<Record<string, unknown>> {
  const rows = await suite.store.query<{ key: string; body: unknown }>(
    `select key, body from ${rowsTableOf(name)} order by key`,
  );
  return Object.fromEntries(rows.map(({ key, body }) => [key, body]));
}

const heardAs = (event: (typeof life)[number], nth: number) => ({
  ...event,
  id: `00000000-0000-4000-b000-${String(nth).padStart(12, '0')}`,
  ...{ schemaVersion: 1, source: '/spec', meta: {} },
});

/** Appends it, and leaves the commit to the caller. */
async function uncommitted(event: ReturnType<typeof heardAs>): Promise<() => Promise<void>> {
  let commit = () => undefined as void;
  const mayCommit = new Promise<void>((resolve) => (commit = resolve));
  let writing: Promise<unknown> = Promise.resolve();
  await new Promise<void>((written) => {
    writing = suite.store.inTransaction(async (tx) => {
      await suite.feed.append(event, tx);
      written();
      await mayCommit;
    });
  });
  return async () => {
    commit();
    await writing;
  };
}

const storeTime = async (): Promise<string> =>
  (await suite.store.query<{ now: string }>('select clock_timestamp()::text as now'))[0]!.now;

describe('the feed', () => {
  it('gives dense positions to whoever appends, also at the same time', async () => {
    const apart = life.map((event, index) => ({ ...event, stream: `apart-${index}` }));
    await Promise.all(
      apart.map((event, index) => suite.store.inTransaction((tx) => suite.feed.append(heardAs(event, index), tx))),
    );
    const events = await suite.feed.after(0);
    expect(events.map(({ position }) => position)).toEqual(life.map((_, index) => index + 1));
    expect(events.map(({ knownAt }) => knownAt)).toEqual(events.map(({ knownAt }) => knownAt).toSorted());
  });

  it('takes an event that is told again only once', async () => {
    await suite.hear(life);
    await suite.hear(life);
    expect((await suite.feed.head()).position).toBe(life.length);
  });

  it('answers for an instant only when all that was written before it can be seen', async () => {
    await suite.hear(life.slice(0, 1));
    let committed = false;
    const commit = await uncommitted(heardAs(life[1]!, 1));
    const now = await storeTime();
    const known = suite.feed.knownAt(now);
    const waits = `select from pg_locks where locktype = 'advisory' and not granted`;
    const isWaiting = async () => {
      while (!(await suite.store.query(waits)).length && !committed);
    };
    await Promise.race([known, isWaiting()]);
    committed = true;
    await commit();
    expect(await known).toMatchObject({ position: 2 });
  });

  it('waits for a writer that hangs no longer than is worth it, and for none about the future', async () => {
    await suite.hear(life.slice(0, 1));
    const commit = await uncommitted(heardAs(life[1]!, 1));
    await expect(suite.feed.knownAt('2999-01-01T00:00:00Z')).resolves.toBeUndefined();
    const busy = { code: 'STORE_BUSY', retryable: true, remedy: expect.any(String) as string };
    await expect(suite.feed.knownAt(await storeTime())).rejects.toMatchObject(busy);
    await commit();
    await expect(suite.feed.knownAt(await storeTime())).resolves.toMatchObject({ position: 2 });
  });

  it('finds events by each of their subjects, oldest or newest first', async () => {
    await suite.hear(life);
    const ofNode = await suite.feed.find({ subject: 'node/n1', limit: 100 });
    expect(ofNode.map(({ type }) => type)).toEqual([
      'NodeJoined',
      'NodeRecovered',
      'TaskAssigned',
      'TaskStartConfirmed',
      'NodeSuspected',
      'NodeDeclaredDown',
      'TaskMoved',
      'NodeRecovered',
    ]);
    const newest = await suite.feed.find({ subject: 'system/s1', limit: 2, newest: true });
    expect(newest.map(({ type }) => type)).toEqual(['TaskMoved', 'TaskStartConfirmed']);
  });
});

describe('the projector', () => {
  it('stores what the pure fold gives, in every projection', async () => {
    await suite.hear(life);
    await suite.following(async (projector) => {
      for (const projection of projections) {
        await suite.caughtUp(projector, [projection]);
        const expected = Object.fromEntries(rowsOf(projection, await suite.feed.after(0)));
        expect(await storedRows(projection.name)).toEqual(JSON.parse(JSON.stringify(expected)));
      }
    });
  });

  it('has a history row for each state of a row, each beginning where the one before ends', async () => {
    await suite.hear(life);
    await suite.following((projector) => suite.caughtUp(projector, named('nodes')));
    const events = await suite.feed.after(0);
    const nodes = projections.find(({ name }) => name === 'nodes')!;
    for (const { position } of events) {
      const known = await suite.store.query<{ key: string; body: object }>(
        `select key, body from history_nodes
         where body is not null and from_position <= $1 and (to_position is null or to_position > $1)`,
        [position],
      );
      const expected = rowsOf(
        nodes,
        events.filter((event) => event.position <= position),
      );
      expect(Object.fromEntries(known.map(({ key, body }) => [key, body]))).toEqual(Object.fromEntries(expected));
    }
  });

  it('folds what a log has long held and no row can hold: U+0000 and half a surrogate pair', async () => {
    const halted = { type: AutomationHalted.type, topic: 'holdfast.requests', at: AT, version: 1 };
    const reason = 'a\0b \ud800';
    await suite.hear([{ ...halted, data: { ...asked, scope: 'fleet', reason } } as unknown as FeedEvent]);
    await suite.following((projector) => suite.caughtUp(projector, named('automation')));
    expect(await storedRows('automation')).toMatchObject({ fleet: { reason: 'a\ufffdb \ufffd' } });
  });

  it('lets a broken projection stand still alone', async () => {
    const fails = {
      type: 'NodeDeclaredDown',
      touches: () => [{ key: 'x' }],
      fold: () => {
        throw new TypeError('a bug');
      },
    };
    const broken = defineProjection<object>('broken', [fails]);
    const list = [broken, ...projections];
    await createRows(suite.store, list);
    await suite.hear(life);
    await suite.following(async (projector) => {
      await suite.caughtUp(projector);
      expect(projector.progress.get('broken')).toMatchObject({ position: 0, error: 'a bug' });
      const [first] = await suite.feed.after(0, 1);
      expect(projector.broken()).toMatchObject([{ name: 'broken', brokenSince: first!.knownAt }]);
      expect(projector.position()).toBe(life.length);
    }, list);
  });
});

describe('a rebuild', () => {
  it('gives the identical hash for every projection, while events go on arriving', async () => {
    await suite.hear(life.slice(0, 7));
    await suite.following(async (projector) => {
      await suite.caughtUp(projector);
      await suite.hear(life);
      for (const { name } of projections) {
        await suite.caughtUp(projector, named(name));
        const first = await suite.rebuild(name);
        expect(first).toMatchObject({ identical: true, position: life.length });
        expect(await suite.rebuild(name)).toMatchObject({ contentHash: first.contentHash, rows: first.rows });
      }
    });
  });

  it('replaces rows that an older build had folded otherwise, with their history', async () => {
    await suite.hear(life);
    await suite.following((projector) => suite.caughtUp(projector, named('nodes')));
    const right = await storedRows('nodes');
    await suite.store.query(`update rows_nodes set body = '{"nodeId":"wrong"}' where key = 'n1'`);
    expect(await suite.rebuild('nodes')).toMatchObject({ identical: false });
    expect(await storedRows('nodes')).toEqual(right);
    const [open] = await suite.store.query<{ n: number }>(
      `select count(*) as n from history_nodes where to_position is null`,
    );
    expect(open!.n).toBe(Object.keys(right).length);
  });

  it('lets the projection follow on from where it was swapped in', async () => {
    await suite.hear(life.slice(0, 11));
    await suite.following(async (projector) => {
      await suite.caughtUp(projector, named('nodes'));
      await suite.rebuild('nodes');
      await suite.hear(life);
      await suite.caughtUp(projector, named('nodes'));
      expect(await storedRows('nodes')).toMatchObject({ n1: { status: 'healthy' } });
    });
  });
});
