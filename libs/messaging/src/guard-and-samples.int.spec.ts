import { topics } from '@holdfast/contracts';
import type { EventStore } from '@holdfast/event-store';
import { randomUUID } from 'node:crypto';
import { BatchTransport } from './batch-transport';
import { eventually, MessagingSuite, PARTITIONS } from './fixtures';
import { guardRegression, type RegressionGuard } from './guard-regression';
import type { KafkaLink } from './kafka-link';
import { partitionOf } from './murmur2';
import type { ReceivedSample } from './received';
import type { RecordBatch } from './record-batch';
import { Samples } from './samples';
import { encodeEvent } from './wire';

jest.setTimeout(180_000);

let suite: MessagingSuite;
let store: EventStore;
let kafka: KafkaLink;

beforeAll(async () => {
  suite = await MessagingSuite.start();
  store = await suite.store('load-balancer');
  kafka = suite.link('load-balancer');
});

afterAll(() => suite?.stop());

const resumed = (service = 'load-balancer') => ({
  type: 'ParkedStreamResumed',
  data: { service, consumer: 'main', stream: 'system-s1', throughVersion: 1, events: 0, parkedMs: 0 },
});

describe('a store', () => {
  const stream = 'inbox-load-balancer-main';
  const append = () =>
    store.inTransaction(async (tx) =>
      tx.append({ stream, partitionKey: 'load-balancer', expected: null, events: [resumed()] }),
    );
  let guard: RegressionGuard;

  afterAll(() => guard?.stop());

  it('appends nothing until it was compared with what was published', async () => {
    guard = guardRegression({ store, kafka });
    expect(store.appendGate.open).toBe(false);
    await guard.check();
    expect(store.appendGate.open).toBe(true);
  });

  it('is open when all that it published is in it', async () => {
    const relay = suite.relay(store, kafka);
    for (let n = 0; n < 5; n++) await append();
    await eventually(
      () => store.outbox(),
      ({ pending }) => pending === 0,
    );
    await relay.stop();
    await guard.check();
    expect(store.appendGate.open).toBe(true);
  });

  it('that lacks a published event refuses to decide', async () => {
    const lost = encodeEvent({
      ...{ stream, partitionKey: 'load-balancer', version: 6, id: randomUUID(), at: new Date().toISOString() },
      ...{ type: 'ParkedStreamResumed', schemaVersion: 1, dataText: JSON.stringify(resumed().data) },
      ...{ meta: { correlationId: randomUUID() }, source: '/services/load-balancer' },
    });
    await kafka.send(topics.placement.name, partitionOf('load-balancer', PARTITIONS), [lost]);
    await guard.check();
    await expect(append()).rejects.toMatchObject({ code: 'STORE_REGRESSED' });
  });
});

it('begins a while back at each start of a fresh reader, with the broker’s time', async () => {
  const samples = new Samples({ kafka, service: 'load-balancer' });
  const status = (lagEvents: number) => ({
    type: 'ServiceStatusObserved',
    data: {
      ...{ service: 'load-balancer', instanceId: randomUUID(), version: '1', ready: true, checks: [], parked: 0 },
      ...{ startedAt: '2020-01-01T00:00:00.000Z', outboxOldestMs: 0, lagEvents },
    },
  });
  const heardFrom = async (enough: number) => {
    const heard: ReceivedSample<{ lagEvents: number }>[] = [];
    const transport = new BatchTransport({ kafka, groupId: 'watches', fresh: { seekBackMs: 60_000 } });
    const take = (batch: RecordBatch) =>
      samples.receive(batch, { ServiceStatusObserved: (sample) => void heard.push(sample) });
    transport.addHandler(topics.samples.name, take, true);
    await new Promise<void>((ready) => transport.listen(() => ready()));
    await eventually(
      () => heard.length,
      (count) => count >= enough,
    );
    await transport.close();
    return heard;
  };

  const before = Date.now();
  samples.send(status(1), 'fleet');
  expect((await heardFrom(1)).map(({ data }) => data.lagEvents)).toEqual([1]);
  samples.send(status(2), 'fleet');
  const again = await heardFrom(2);
  expect(again.map(({ data }) => data.lagEvents)).toEqual([1, 2]);
  for (const { appendedAt } of again) expect(Date.parse(appendedAt)).toBeGreaterThanOrEqual(before - 1);
});
