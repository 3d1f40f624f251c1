import { AutomationHalted, AutomationResumed, EventParked, ParkedStreamResumed } from '@holdfast/contracts';
import fc from 'fast-check';
import type { Projector } from '../feed/projector';
import { createRows } from '../feed/tables';
import { projections } from '../projections';
import { historyTableOf, rowsTableOf, type FeedEvent } from '../projections/projection';
import { FeedSuite } from '../testing/feed-suite';
import * as fleet from '../testing/fleet';
import { asked, rowsOf, told } from '../testing/told';

fc.configureGlobal({ seed: 20_260_101 });

const suite = new FeedSuite();
beforeAll(() => suite.start());
afterAll(() => suite.stop());

const nodeIds = ['n1', 'n2', 'n3'];
const stopped = { service: 'load-balancer', consumer: 'main', stream: 'system-s1' };
const parked = {
  ...stopped,
  version: 3,
  eventId: asked.requestId,
  type: 'X',
  code: 'HANDLER_FAILED' as const,
  message: 'a "bug"',
  attempts: 5,
};
/** Some of these, in any order and any number: an outage may mix topics so, and each projection must bear it. */
const pool: FeedEvent[] = [
  fleet.registered,
  fleet.systemRegistered,
  fleet.admitted,
  told(AutomationHalted, { ...asked, scope: 'fleet', reason: 'said "stop" \\ now' }),
  told(AutomationResumed, { ...asked, scope: 'fleet' }),
  told(EventParked, parked),
  told(ParkedStreamResumed, { ...stopped, throughVersion: 4, events: 2, parkedMs: 10 }),
  ...nodeIds.flatMap((nodeId, nth) => [
    fleet.joined(nodeId),
    fleet.opened(nodeId),
    fleet.suspected(nodeId),
    fleet.down(nodeId),
    fleet.recovered(nodeId),
    fleet.assigned(nodeId, nth + 1, nth === 0),
    fleet.confirmed(nodeId, nth + 1),
    fleet.moved(nodeId, nodeIds[(nth + 1) % 3]!, nth + 2),
    fleet.taken(nodeId, nth + 1),
  ]),
];
const stories = (length: number) =>
  fc.array(fc.constantFrom(...pool), { minLength: length, maxLength: length, size: 'max' });

/** At this position every projection's history rows are what a fold of the feed up to it gives. */
async function equalsFold(projector: Projector, position: number): Promise<void> {
  const views = await suite.views(projector).at(String(position));
  const events = await suite.feed.find({ until: position, limit: 100_000 });
  expect(events).toHaveLength(position);
  for (const projection of projections) {
    const expected = [...rowsOf(projection, events)].sort(([a], [b]) => (a < b ? -1 : 1));
    const rows = JSON.parse(JSON.stringify(expected.map(([, row]) => row))) as object[];
    expect({ [projection.name]: await views.rows(projection.name) }).toEqual({ [projection.name]: rows });
    for (const [key, row] of expected.slice(0, 3))
      expect(await views.row(projection.name, key)).toEqual(JSON.parse(JSON.stringify(row)));
  }
}

async function anew(work: () => Promise<void>): Promise<void> {
  await suite.fresh();
  await work().finally(() => suite.close());
}

it('as of n equals a fold of the feed to n, also after every rebuild', async () => {
  const drawn = fc.tuple(stories(60), fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 4, maxLength: 4 }));
  const property = fc.asyncProperty(drawn, ([story, positions]) =>
    anew(async () => {
      await suite.following(async (projector) => {
        for (let from = 0; from < story.length; from += 5) {
          await suite.hear(story.slice(from, from + 5), from);
          await suite.caughtUp(projector);
        }
        for (const position of positions) await equalsFold(projector, position);
        for (const { name } of projections) expect(await suite.rebuild(name)).toMatchObject({ identical: true });
        for (const position of positions) await equalsFold(projector, position);
      });
    }),
  );
  await fc.assert(property, { numRuns: 4, endOnFailure: true });
});

it('as of n is what was answered when n was the last event known', async () => {
  const [story] = fc.sample(stories(30), 1);
  await anew(() =>
    suite.following(async (projector) => {
      const now = suite.views(projector);
      const bodies = async (views: typeof now) => ({
        clusters: await views.clusters(),
        nodes: await views.nodes(),
        systems: await views.systems(),
        tasks: await views.rows('tasks'),
      });
      const answered: object[] = [];
      for (const [index, event] of story!.entries()) {
        await suite.hear([event], index);
        await suite.caughtUp(projector);
        answered.push(await bodies(now));
      }
      for (const [index, body] of answered.entries())
        expect(await bodies(await now.at(String(index + 1)))).toEqual(body);
    }),
  );
});

it('rebuilt under load every projection has the identical hash, and the same past', async () => {
  const [story] = fc.sample(stories(400), 1);
  await anew(() =>
    suite.following(async (projector) => {
      await suite.hear(story!.slice(0, 100));
      const arriving = (async () => {
        for (let n = 100; n < story!.length; n += 5) await suite.hear(story!.slice(n, n + 5), n);
      })();
      const rebuilt = (async () => {
        for (const { name } of projections) {
          expect(await suite.rebuild(name)).toMatchObject({ identical: true });
          await equalsFold(projector, Math.max(1, Math.floor(projector.position() / 2)));
        }
      })();
      await Promise.all([arriving, rebuilt]);
      await suite.caughtUp(projector);
      for (const { name } of projections) {
        const live = await suite.hashOf(name);
        expect(await suite.rebuild(name)).toMatchObject({ identical: true, contentHash: live });
      }
      for (const position of [1, 57, 200, 399, 400]) await equalsFold(projector, position);
    }),
  );
});

it('a projection whose tables were dropped has the identical hash once it has followed again', async () => {
  const [story] = fc.sample(stories(80), 1);
  await anew(async () => {
    await suite.hear(story!);
    const hashes = () => Promise.all(projections.map(({ name }) => suite.hashOf(name)));
    await suite.following((projector) => suite.caughtUp(projector));
    const before = await hashes();
    for (const { name } of projections)
      await suite.store.query(`drop table ${rowsTableOf(name)}, ${historyTableOf(name)}`);
    await createRows(suite.store, projections);
    await suite.following(async (projector) => {
      await suite.caughtUp(projector);
      await equalsFold(projector, 40);
    });
    expect(await hashes()).toEqual(before);
  });
});
