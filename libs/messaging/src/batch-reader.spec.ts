import { KafkaJSNonRetriableError } from 'kafkajs';
import { BatchReader, isOfAnAbsentBroker } from './batch-reader';
import { Freshness } from './freshness';
import type { KafkaLink } from './kafka-link';

const named = (name: string, more: object = {}) => Object.assign(new TypeError(name), { name, ...more });
/** As kafkajs wraps whatever it will not try again. */
const wrapping = (cause: Error) => Object.assign(new KafkaJSNonRetriableError(cause), { cause });

describe('a crash of a consumer', () => {
  it('passes by itself when the coordinator is not found yet, though kafkajs calls that final', () => {
    const unfound = named('KafkaJSGroupCoordinatorNotFound', { retriable: false });
    expect(isOfAnAbsentBroker(unfound)).toBe(true);
    expect(isOfAnAbsentBroker(wrapping(unfound))).toBe(true);
  });

  it('passes by itself when whatever led to it does', () => {
    const closed = named('KafkaJSConnectionClosedError', { retriable: true });
    expect(isOfAnAbsentBroker(wrapping(closed))).toBe(true);
  });

  it('is final otherwise', () => {
    expect(isOfAnAbsentBroker(new KafkaJSNonRetriableError('no such topic'))).toBe(false);
    expect(isOfAnAbsentBroker('no error at all')).toBe(false);
  });
});

describe('a reader in a fresh group', () => {
  it('has it to itself, also beside readers that begin in the same millisecond', async () => {
    const groups: string[] = [];
    const refused = new KafkaJSNonRetriableError('not for this spec');
    const kafka = {
      partitions: () => Promise.resolve(4),
      consumer: ({ groupId }: { groupId: string }) => {
        groups.push(groupId);
        const nothing = () => Promise.resolve();
        return { events: {}, on: nothing, disconnect: nothing, connect: () => Promise.reject(refused) };
      },
    } as unknown as KafkaLink;
    const reader = () =>
      new BatchReader({ kafka, topics: ['t'], groupId: 'g', onBatch: async () => {}, fresh: { startAt: () => '0' } });

    const begun = await Promise.allSettled([reader().start(), reader().start(), reader().start()]);
    expect(begun).toMatchObject(Array(3).fill({ status: 'rejected', reason: refused }));
    expect(new Set(groups).size).toBe(3);
  });
});

describe('a reader that stops', () => {
  it('does not wait for a broker that is away', async () => {
    const consumer = {
      events: { GROUP_JOIN: 'join', CRASH: 'crash' },
      on: (event: string, told: (told: object) => void) =>
        event === 'join' && told({ payload: { memberAssignment: {} } }),
      connect: () => Promise.resolve(),
      subscribe: () => Promise.resolve(),
      run: () => Promise.resolve(),
      disconnect: () => new Promise<never>(() => undefined),
    };
    const freshness = { keepOnly: () => undefined, assigned: () => undefined };
    const kafka = { partitions: () => Promise.resolve(4), consumer: () => consumer, freshness };
    const reader = new BatchReader({
      kafka: kafka as unknown as KafkaLink,
      topics: ['t'],
      groupId: 'g',
      onBatch: async () => {},
    });
    await reader.start();
    await reader.stop();
  });
});

describe('a batch that fails', () => {
  it('counts as behind, with all that came after it, until it succeeds', async () => {
    const freshness = new Freshness();
    freshness.assigned('t', 0);
    const batch = {
      ...{ topic: 't', partition: 0, highWatermark: '9', lastOffset: () => '4' },
      messages: [{ offset: '4', timestamp: '1', key: null, value: null }],
    };
    const nothing = () => Promise.resolve();
    const payload = { batch, isRunning: () => true, isStale: () => false, heartbeat: nothing };
    const rest = { resolveOffset: nothing, commitOffsetsIfNecessary: nothing };
    let taken: Promise<void> | undefined;
    const run = async ({ eachBatch }: { eachBatch(given: object): Promise<void> }) => {
      taken = eachBatch({ ...payload, ...rest });
    };
    const consumer = { events: {}, on: nothing, connect: nothing, subscribe: nothing, disconnect: nothing, run };
    const kafka = { freshness, partitions: () => Promise.resolve(4), consumer: () => consumer };
    let attempts = 0;
    const onBatch = async () => {
      if (attempts++ === 0) throw new RangeError('not yet');
      expect(freshness.of('t', 0)).toMatchObject({ behindRecords: 5 });
      expect(freshness.of('t', 0).retriedMs).toBeGreaterThan(0);
    };
    const reader = new BatchReader({ kafka: kafka as unknown as KafkaLink, topics: ['t'], groupId: 'g', onBatch });
    void reader.start();
    while (taken === undefined) await new Promise(setImmediate);
    await taken;
    expect(attempts).toBe(2);
    expect(freshness.of('t', 0)).toMatchObject({ behindRecords: 4, retriedMs: 0 });
  });
});
