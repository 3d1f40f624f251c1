import fc from 'fast-check';
import { StreamTracker } from './stream-tracker';

const event = (version: number, stream = 's-1') => ({ stream, version, id: `${stream}@${version}` });
const versions = (offered: { ready: { version: number }[] }) => offered.ready.map(({ version }) => version);

it('applies the next version and drops what it has seen', () => {
  const tracker = new StreamTracker();
  expect(versions(tracker.offer(event(1)))).toEqual([1]);
  expect(versions(tracker.offer(event(1)))).toEqual([]);
  expect(versions(tracker.offer(event(2)))).toEqual([2]);
  expect(tracker.head('s-1')).toEqual({ version: 2, eventId: 's-1@2', told: 2, state: 'flowing' });
});

it('lets a later version wait until those between have come', () => {
  const tracker = new StreamTracker();
  tracker.offer(event(1));
  expect(versions(tracker.offer(event(4)))).toEqual([]);
  expect(tracker.holes()).toEqual([{ stream: 's-1', from: 2, to: 3 }]);
  expect(versions(tracker.offer(event(2)))).toEqual([2]);
  expect(tracker.holes()).toEqual([{ stream: 's-1', from: 3, to: 3 }]);
  expect(versions(tracker.offer(event(3)))).toEqual([3, 4]);
  expect(tracker.holes()).toEqual([]);
});

it('misses a last event once it is told of it', () => {
  const tracker = new StreamTracker([['s-1', { version: 2, eventId: 's-1@2', told: 2, state: 'flowing' }]]);
  tracker.tell('s-1', 4, 's-1@4');
  expect(tracker.holes()).toEqual([{ stream: 's-1', from: 3, to: 4 }]);
});

it('blocks a stream at whose head another event stands', () => {
  const tracker = new StreamTracker();
  tracker.offer(event(1));
  expect(tracker.offer({ ...event(1), id: 'other' })).toEqual({ ready: [], forked: true });
  expect(versions(tracker.offer(event(2)))).toEqual([]);
  expect(tracker.holes()).toEqual([]);
});

it('adopts unknown streams where it meets them, with a new journal alone', () => {
  const fresh = new StreamTracker([], { adoptUnknown: true });
  expect(versions(fresh.offer(event(7)))).toEqual([7]);
  fresh.tell('s-2', 5, 's-2@5');
  expect(fresh.holes()).toEqual([]);
  expect(versions(fresh.offer(event(6, 's-2')))).toEqual([6]);

  const kept = new StreamTracker();
  expect(versions(kept.offer(event(7)))).toEqual([]);
  expect(kept.holes()).toEqual([{ stream: 's-1', from: 1, to: 6 }]);
});

it('applies every event once and in order, however records are repeated, lost and reordered between streams', () => {
  const records = fc.array(fc.record({ stream: fc.constantFrom('a', 'b'), version: fc.integer({ min: 1, max: 8 }) }));
  fc.assert(
    fc.property(records, (arrivals) => {
      const tracker = new StreamTracker();
      const applied: string[] = [];
      for (const { stream, version } of arrivals) {
        for (const { id } of tracker.offer(event(version, stream)).ready) applied.push(id);
      }
      // What is still missing is asked for and sent again.
      for (let holes = tracker.holes(); holes.length > 0; holes = tracker.holes()) {
        const { stream, from } = holes[0]!;
        for (const { id } of tracker.offer(event(from, stream)).ready) applied.push(id);
      }
      for (const stream of ['a', 'b']) {
        const last = Math.max(0, ...arrivals.filter((one) => one.stream === stream).map(({ version }) => version));
        const of = applied.filter((id) => id.startsWith(stream));
        expect(of).toEqual(Array.from({ length: last }, (_, at) => `${stream}@${at + 1}`));
      }
    }),
  );
});
