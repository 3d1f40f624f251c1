import { topics } from '@holdfast/contracts';
import { startKafka, type RunningKafka } from '@holdfast/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchReader } from './batch-reader';
import { ensureTopics, KafkaLink } from './kafka-link';

const topic = topics.requests.name;
let dir: string;
let broker: RunningKafka;
let link: KafkaLink;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'holdfast-reader-'));
  broker = await startKafka({ dir, quickStart: true });
  await ensureTopics([broker.brokers], { partitions: 1 });
  link = new KafkaLink({ brokers: [broker.brokers], clientId: 'spec' });
}, 120_000);

afterAll(async () => {
  await link?.stop();
  await broker?.kill();
  await rm(dir, { recursive: true, force: true });
}, 60_000);

/** A reader, what ended it, and the first record that it got with this value. */
function reading(groupId: string, fresh: boolean) {
  const seen = new Set<string>();
  const waiting = new Map<string, () => void>();
  let fatal: Error | undefined;
  const reader = new BatchReader({
    kafka: link,
    topics: [topic],
    groupId,
    ...(fresh && { fresh: { startAt: () => undefined } }),
    onFatal: (error) => (fatal = error),
    onBatch: (batch) => {
      for (const { value } of batch.records) {
        seen.add(String(value));
        waiting.get(String(value))?.();
      }
      return Promise.resolve();
    },
  });
  const got = (value: string) =>
    new Promise<void>((resolve) => (seen.has(value) ? resolve() : void waiting.set(value, resolve)));
  return { reader, got, fatal: () => fatal };
}

it('outlives a broker that dies and comes back, while it reads and while it is joining', async () => {
  const ordinary = reading('ordinary', false);
  const fresh = reading('fresh', true);
  await Promise.all([ordinary.reader.start(), fresh.reader.start()]);
  const all = [ordinary, fresh];
  for (let round = 1; round <= 2; round += 1) {
    // One that has not found its coordinator yet when the broker dies, and looks for it while the broker starts.
    const joining = reading(`joining-${round}`, round === 1);
    all.push(joining);
    const joined = joining.reader.start();
    await broker.kill();
    await broker.restart();
    await link.send(topic, 0, [{ key: 'spec', value: `round ${round}`, headers: {} }]);
    await joined;
    await Promise.all(all.map(({ got }) => got(`round ${round}`)));
  }
  expect(all.map(({ fatal }) => fatal())).toEqual(all.map(() => undefined));
  await Promise.all(all.map(({ reader }) => reader.stop()));
}, 300_000);
