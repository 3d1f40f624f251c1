import type { EventStore } from '@holdfast/event-store';
import { guardRegression } from './guard-regression';
import type { KafkaLink } from './kafka-link';

const stopped = jest.fn(() => Promise.resolve());
/** The offsets of a partition's records that are events; all others are told heads. */
let events: number[] = [];
let partition = { partition: 0, low: '0', high: '5' };
/** None are read: they expire before. */
let expired = false;
jest.mock('./agent', () => ({
  readPartition: async ({ from, onBatch }: { from: Record<string, string>; onBatch: (batch: object) => void }) => {
    const offsets = [...Array(Number(partition.high)).keys()].slice(Number(Object.values(from)[0]));
    const records = offsets.map((offset) => ({
      ...{ kind: events.includes(offset) ? 'event' : 'sample', offset: String(offset) },
      ...{ stream: 's', version: offset, id: `id-${offset}` },
    }));
    if (!expired) setTimeout(() => onBatch({ decoded: () => records }));
    return { partition: 0, stop: stopped };
  },
}));
beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Of a store that has none of the events it is asked for. */
async function gateAfterCheck(): Promise<EventStore['appendGate']> {
  const query = (sql: string, [streams]: string[][] = []) =>
    Promise.resolve(
      sql.includes('postmaster') ? [{ since: 'now' }] : streams!.map((stream) => ({ stream, version: 1 })),
    );
  const store = { context: 'health', query, appendGate: {} } as unknown as EventStore;
  const kafka = {
    admin: async () => [partition],
    offsets: async () => ({ low: partition.high, high: partition.high }),
  };
  const guard = guardRegression({ store, kafka: kafka as unknown as KafkaLink });
  const checked = guard.check();
  await jest.advanceTimersByTimeAsync(1_000);
  await checked;
  guard.stop();
  return store.appendGate;
}

it('a partition whose records expire before they are read has nothing to compare', async () => {
  [events, partition, expired] = [[1], { partition: 0, low: '0', high: '5' }, true];
  expect(await gateAfterCheck()).toMatchObject({ open: true });
  expect(stopped).toHaveBeenCalled();
});

it.each([
  ['at its end', 10_149],
  ['before a night of nothing but told heads', 5],
])('the last event of a partition is compared: %s', async (_where, offset) => {
  [events, partition, expired] = [[offset], { partition: 0, low: '3', high: '10150' }, false];
  expect(await gateAfterCheck()).toMatchObject({ open: false, reason: 'STORE_REGRESSED' });
});
