import type { EventStore } from '@holdfast/event-store';
import { guardRegression } from './guard-regression';
import type { KafkaLink } from './kafka-link';

const stopped = jest.fn(() => Promise.resolve());
jest.mock('./agent', () => ({ readPartition: async () => ({ partition: 0, stop: stopped }) }));
beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

it('a partition whose records expire before they are read has nothing to compare', async () => {
  const query = (sql: string) => Promise.resolve(sql.includes('postmaster') ? [{ since: 'now' }] : []);
  const store = { context: 'health', query, appendGate: {} };
  const kafka = {
    admin: async () => [{ partition: 0, low: '0', high: '5' }],
    offsets: async () => ({ low: '5', high: '5' }),
  };
  const guard = guardRegression({ store: store as unknown as EventStore, kafka: kafka as unknown as KafkaLink });
  const checked = guard.check();
  await jest.advanceTimersByTimeAsync(1_000);
  await checked;
  expect(store.appendGate).toMatchObject({ open: true });
  expect(stopped).toHaveBeenCalled();
  guard.stop();
});
