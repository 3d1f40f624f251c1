import { EventStore, setUpStore } from '@holdfast/event-store';
import { freshDatabase, temporaryPostgres } from '@holdfast/testing';
import { projections } from '../projections';
import { defineProjection, rowsTableOf, type FeedEvent, type Projection } from '../projections/projection';
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
import { AutomationHalted } from '@holdfast/contracts';
import { asked, AT, rowsOf } from '../testing/told';
import { Feed } from './feed';
import { Projector } from './projector';
import { Rebuilder } from './rebuild';
import { createRows, FeedLookups1764115200003 } from './tables';

type Running = Awaited<ReturnType<typeof temporaryPostgres>>;
let postgres: Running;
let store: EventStore;
let feed: Feed;

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

beforeAll(async () => {
  postgres = await temporaryPostgres();
});
afterAll(() => postgres.stop());

beforeEach(async () => {
  const url = await freshDatabase(postgres, setUpStore);
  store = await EventStore.connect({ url, service: 'gateway', tables: { migrations: [FeedLookups1764115200003] } });
  await createRows(store, projections);
  feed = new Feed(store);
});
afterEach(() => store.close());

/** As the inbox hands them over, in one transaction. */
async function hear(events: readonly FeedEvent[]): Promise<void> {
  await store.inTransaction(async (tx) => {
    for (const [index, event] of events.entries()) {
      const id = `00000000-0000-4000-a000-${String(index + 1).padStart(12, '0')}`;
      const meta = { correlationId: id, causationId: id };
      await feed.append({ ...event, stream: `told-${index}`, id, schemaVersion: 1, source: '/spec', meta }, tx);
    }
  });
  feed.wake();
}

/** Until this projection is at the feed's head. */
async function caughtUp(projector: Projector, name: string): Promise<void> {
  const { position } = await feed.head();
  while (projector.progress.get(name)?.position !== position) {
    expect(projector.progress.get(name)?.error ?? null).toBeNull();
    await projector.moved(1_000);
  }
}

async function storedRows(name: string): Promise<Record<string, unknown>> {
  const rows = await store.query<{ key: string; body: unknown }>(
    `select key, body from ${rowsTableOf(name)} order by key`,
  );
  return Object.fromEntries(rows.map(({ key, body }) => [key, body]));
}

async function following<T>(list: readonly Projection[], work: (projector: Projector) => Promise<T>): Promise<T> {
  const projector = new Projector(store, feed, list);
  projector.start();
  try {
    return await work(projector);
  } finally {
    await projector.stop();
  }
}

describe('the feed', () => {
  it('gives dense positions to whoever appends, also at the same time', async () => {
    const apart = life.map((event, index) => ({ ...event, stream: `apart-${index}` }));
    await Promise.all(
      apart.map((event, index) =>
        store.inTransaction((tx) =>
          feed.append(
            {
              ...event,
              id: `00000000-0000-4000-b000-${String(index).padStart(12, '0')}`,
              schemaVersion: 1,
              source: '/spec',
              meta: {},
            },
            tx,
          ),
        ),
      ),
    );
    const events = await feed.after(0);
    expect(events.map(({ position }) => position)).toEqual(life.map((_, index) => index + 1));
    expect(events.map(({ knownAt }) => knownAt)).toEqual(events.map(({ knownAt }) => knownAt).toSorted());
  });

  it('takes an event that is told again only once', async () => {
    await hear(life);
    await hear(life);
    expect((await feed.head()).position).toBe(life.length);
  });

  it('finds events by each of their subjects, oldest or newest first', async () => {
    await hear(life);
    const ofNode = await feed.find({ subject: 'node/n1', limit: 100 });
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
    const newest = await feed.find({ subject: 'system/s1', limit: 2, newest: true });
    expect(newest.map(({ type }) => type)).toEqual(['TaskMoved', 'TaskStartConfirmed']);
  });
});

describe('the projector', () => {
  it('stores what the pure fold gives, in every projection', async () => {
    await hear(life);
    await following(projections, async (projector) => {
      for (const projection of projections) {
        await caughtUp(projector, projection.name);
        const expected = Object.fromEntries(rowsOf(projection, await feed.after(0)));
        expect(await storedRows(projection.name)).toEqual(JSON.parse(JSON.stringify(expected)));
      }
    });
  });

  it('has a history row for each state of a row, each beginning where the one before ends', async () => {
    await hear(life);
    await following(projections, (projector) => caughtUp(projector, 'nodes'));
    const events = await feed.after(0);
    const nodes = projections.find(({ name }) => name === 'nodes')!;
    for (const { position } of events) {
      const known = await store.query<{ key: string; body: object }>(
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
    await hear([{ ...halted, data: { ...asked, scope: 'fleet', reason } } as unknown as FeedEvent]);
    await following(projections, (projector) => caughtUp(projector, 'automation'));
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
    await createRows(store, list);
    await hear(life);
    await following(list, async (projector) => {
      for (const { name } of projections) await caughtUp(projector, name);
      expect(projector.progress.get('broken')).toMatchObject({ position: 0, error: 'a bug' });
      const [first] = await feed.after(0, 1);
      expect(projector.broken()).toMatchObject([{ name: 'broken', brokenSince: first!.knownAt }]);
      expect(projector.position()).toBe(life.length);
    });
  });
});

describe('a rebuild', () => {
  const hashOf = (name: string) => new Rebuilder(store, feed, projections).rebuild(name);

  it('gives the identical hash for every projection, while events go on arriving', async () => {
    await hear(life.slice(0, 7));
    await following(projections, async (projector) => {
      for (const { name } of projections) await caughtUp(projector, name);
      await hear(life);
      for (const { name } of projections) {
        await caughtUp(projector, name);
        const first = await hashOf(name);
        expect(first).toMatchObject({ identical: true, position: life.length });
        expect(await hashOf(name)).toMatchObject({ contentHash: first.contentHash, rows: first.rows });
      }
    });
  });

  it('replaces rows that an older build had folded otherwise, with their history', async () => {
    await hear(life);
    await following(projections, (projector) => caughtUp(projector, 'nodes'));
    const right = await storedRows('nodes');
    await store.query(`update rows_nodes set body = '{"nodeId":"wrong"}' where key = 'n1'`);
    expect(await hashOf('nodes')).toMatchObject({ identical: false });
    expect(await storedRows('nodes')).toEqual(right);
    const [open] = await store.query<{ n: number }>(
      `select count(*) as n from history_nodes where to_position is null`,
    );
    expect(open!.n).toBe(Object.keys(right).length);
  });

  it('lets the projection follow on from where it was swapped in', async () => {
    await hear(life.slice(0, 11));
    await following(projections, async (projector) => {
      await caughtUp(projector, 'nodes');
      await hashOf('nodes');
      await hear(life);
      await caughtUp(projector, 'nodes');
      expect(await storedRows('nodes')).toMatchObject({ n1: { status: 'healthy' } });
    });
  });
});
