import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { startKafka, type RunningKafka } from './kafka';

let dir: string;
let broker: RunningKafka;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'holdfast-kafka-'));
  broker = await startKafka({ dir, quickStart: true });
});

afterAll(async () => {
  await broker?.kill();
  await rm(dir, { recursive: true, force: true });
});

it('answers when started, and again with the same topics after a crash', async () => {
  const admin = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 4 }] });
  await admin.disconnect();
  const crashed = broker.pid;

  await broker.kill();
  await broker.restart();

  expect(broker.pid).not.toBe(crashed);
  await admin.connect();
  expect(await admin.listTopics()).toContain('kept');
  await admin.disconnect();
});

it('says so when the port that was asked for is taken, and does not take another broker for its own', async () => {
  const own = await mkdtemp(join(tmpdir(), 'holdfast-kafka-'));
  const second = startKafka({ dir: own, port: broker.port, quickStart: true });
  await expect(second).rejects.toMatchObject({
    code: 'KAFKA_UNAVAILABLE',
    message: expect.stringContaining('Address already in use'),
  });
  await rm(own, { recursive: true, force: true });
});
