import { startKafka, type RunningKafka } from '@holdfast/testing';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeEvent, ensureTopics, KafkaLink, partitionOf, readPartition, SampleSender, type Incoming } from './agent';

let dir: string;
let broker: RunningKafka;
let kafka: KafkaLink;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'holdfast-agent-'));
  broker = await startKafka({ dir, quickStart: true });
  await ensureTopics([broker.brokers], { partitions: 4 });
  await ensureTopics([broker.brokers], { partitions: 4 }); // a second time changes nothing
  kafka = new KafkaLink({ brokers: [broker.brokers], clientId: 'spec' });
});

afterAll(async () => {
  await kafka?.stop();
  await broker?.kill();
  await rm(dir, { recursive: true, force: true });
});

/** Collects what is read, and lets a test wait until enough has come. */
function collector() {
  const got: Incoming[] = [];
  let check = () => undefined as void;
  return {
    got,
    add: (records: Incoming[]) => (got.push(...records), check()),
    until: (enough: (got: Incoming[]) => boolean) =>
      new Promise<void>((resolve) => (check = () => (enough(got) ? resolve() : undefined))()),
  };
}

const event = (version: number, key = 'alpha') =>
  encodeEvent({
    stream: `routing-table-${key}`,
    partitionKey: key,
    version,
    id: randomUUID(),
    at: new Date().toISOString(),
    type: 'PlacementResumed',
    schemaVersion: 1,
    dataText: '{}',
    meta: { correlationId: randomUUID() },
    source: '/services/load-balancer',
  });

const TOPIC = 'holdfast.placement';
const versionsOf = (got: Incoming[]) => got.flatMap((one) => (one.kind === 'event' ? [one.version] : []));

it('reads its own partition alone, from the offset it is told, and nothing below', async () => {
  const mine = partitionOf('alpha', 4);
  await kafka.send(TOPIC, mine, [event(1), event(2), event(3)]);
  await kafka.send(TOPIC, partitionOf('gamma', 4), [event(1, 'gamma')]);
  const { high } = await kafka.offsets(TOPIC, mine);
  const { got, add, until } = collector();

  const reader = await readPartition({
    kafka,
    topics: [TOPIC],
    partitionKey: 'alpha',
    from: { [TOPIC]: String(Number(high) - 1) },
    onBatch: async (batch) => add(batch.decoded()),
  });
  await until(() => got.length === 1);
  await kafka.send(TOPIC, mine, [event(4)]);
  await until(() => got.length === 2);

  expect(reader.partition).toBe(mine);
  expect(versionsOf(got)).toEqual([3, 4]);
  await reader.stop();
});

it('gives a batch again until its handler succeeds', async () => {
  const mine = partitionOf('alpha', 4);
  const { high } = await kafka.offsets(TOPIC, mine);
  const { got, add, until } = collector();
  let failures = 2;
  const reader = await readPartition({
    kafka,
    topics: [TOPIC],
    partition: mine,
    from: { [TOPIC]: high },
    onBatch: async (batch) => {
      if (failures-- > 0) throw new Error('the disk is full');
      add(batch.decoded());
    },
  });
  await kafka.send(TOPIC, mine, [event(5)]);
  await until(() => got.length === 1);

  expect(versionsOf(got)).toEqual([5]);
  await reader.stop();
});

it('goes on after the broker was killed, without a record lost', async () => {
  const mine = partitionOf('alpha', 4);
  const { high } = await kafka.offsets(TOPIC, mine);
  const { got, add, until } = collector();
  const reader = await readPartition({
    kafka,
    topics: [TOPIC],
    partition: mine,
    from: { [TOPIC]: high },
    onBatch: async (batch) => add(batch.decoded()),
  });
  await kafka.send(TOPIC, mine, [event(10)]);
  await until(() => got.length >= 1);

  await broker.kill();
  const late = kafka.send(TOPIC, mine, [event(11)]);
  await broker.restart();
  await late;
  await until((all) => versionsOf(all).includes(11));

  expect([...new Set(versionsOf(got))]).toEqual([10, 11]);
  await reader.stop();
});

it('shows the broker’s time for samples, whatever the sender’s clock says', async () => {
  const sender = new SampleSender({ kafka, source: '/services/health-monitor' });
  const partition = partitionOf('alpha', 4);
  const { got, add, until } = collector();
  const reader = await readPartition({
    kafka,
    topics: ['holdfast.samples'],
    partition,
    from: {},
    onBatch: async (batch) => add(batch.decoded()),
  });
  const before = Date.now();
  const data = {
    service: 'health-monitor',
    instanceId: randomUUID(),
    version: '1',
    ready: true,
    checks: [],
    parked: 0,
  };
  const status = (lagEvents: number) => ({
    type: 'ServiceStatusObserved',
    data: { ...data, startedAt: '2020-01-01T00:00:00.000Z', lagEvents, outboxOldestMs: 0 },
  });
  for (const lag of [1, 2, 3, 4]) sender.send(status(lag), { key: 'alpha' });
  await until(() => got.length === 2);

  // The first went at once; of those that came meanwhile only the newest.
  expect(got.map((one) => one.kind === 'sample' && (one.data as { lagEvents: number }).lagEvents)).toEqual([1, 4]);
  for (const { appendedAt } of got) expect(Date.parse(appendedAt)).toBeGreaterThanOrEqual(before - 1);
  await reader.stop();
});
