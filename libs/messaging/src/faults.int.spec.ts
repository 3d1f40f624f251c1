import { together } from '@holdfast/testing';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, PARTITIONS } from './fixtures';
import { type Moment, type ServiceProcessOptions, startService } from './service-process.fixture';
import { HEALTH, Stage, upTo } from './stage.fixture';

const PAUSE_OF_BROKER_MS = 5_000;
jest.setTimeout(180_000);

let stage: Stage;
const processes: ChildProcess[] = [];
beforeAll(async () => {
  stage = await Stage.set();
});
afterAll(async () => {
  for (const one of processes) one.kill('SIGKILL');
  await stage?.stop();
});

async function start(o: Omit<ServiceProcessOptions, 'url' | 'brokers'>): Promise<ChildProcess> {
  const service = await startService({ ...o, url: stage.suite.url, brokers: stage.suite.broker.brokers });
  processes.push(service);
  return service;
}

// Each has a stream and a consumer group of its own, and waits until that group misses its dead or sleeping member.
describe('a process that hears', () => {
  const killedAt: Moment[] = ['in the transaction', 'committed, its offset not'];
  for (const at of killedAt) {
    together(`and is killed, ${at}, leaves each event with one effect`, async () => {
      const [stream, consumer] = [stage.fresh(), `killed-${at.split(' ')[0]}`];
      await stage.append(stream, 3);
      const service = await start({ stream, hears: consumer, at, fate: 'dies' });
      expect(await once(service, 'exit')).toEqual([null, 'SIGKILL']);
      expect(await stage.effects(consumer, stream)).toEqual(at === 'in the transaction' ? [] : upTo(3));

      await stage.listener(consumer);
      await stage.append(stream);
      expect(await stage.applied(consumer, stream, 4)).toEqual(upTo(4));
    });
  }

  const pausedAt: Moment[] = ['a batch in hand', 'in the transaction'];
  for (const at of pausedAt) {
    together(`and is paused past its session timeout, ${at}, finds all seen when it wakes`, async () => {
      const [stream, consumer] = [stage.fresh(), `woken-${at.split(' ')[0]}`];
      await stage.append(stream, 3);
      const service = await start({ stream, hears: consumer, at, fate: 'waits' });
      await once(service, 'message');
      service.kill('SIGSTOP');

      // Its partitions are this one's once the session has ended. What it holds locked waits for it, and is its own.
      const { kafka } = await stage.listener(consumer);
      await eventually(
        () => kafka.freshness.all().filter(({ topic }) => topic === HEALTH),
        (mine) => mine.length === PARTITIONS,
      );
      const other = stage.fresh();
      await stage.append(other, 2);
      if (at === 'a batch in hand') expect(await stage.applied(consumer, stream, 3)).toEqual(upTo(3));
      service.send('go on');
      service.kill('SIGCONT');
      await once(service, 'exit');
      await stage.append(stream);

      expect(await stage.applied(consumer, stream, 4)).toEqual(upTo(4));
      expect(await stage.applied(consumer, other, 2)).toEqual(upTo(2));
    });
  }
});

describe('a process that speaks', () => {
  it.each<Moment>(['appended, not published', 'published, still in the outbox'])(
    'and is killed, its events %s, loses none and doubles none',
    async (at) => {
      const [stream, consumer] = [stage.fresh(), at.split(',')[0]!];
      await stage.listener(consumer);
      await stage.owner.relay.stop();
      const service = await start({ stream, at, fate: 'dies' });
      expect(await once(service, 'exit')).toEqual([null, 'SIGKILL']);
      expect((await stage.owner.store.outbox()).pending).toBe(3);

      stage.owner.relay = stage.suite.relay(stage.owner.store, stage.owner.kafka);
      await stage.append(stream);
      expect(await stage.applied(consumer, stream, 4)).toEqual(upTo(4));
    },
  );
});

describe('the broker', () => {
  it('delivers all that was appended while it was paused', async () => {
    const stream = stage.fresh();
    await stage.listener('paused');
    await stage.append(stream, 5);
    await stage.applied('paused', stream, 5);

    stage.suite.broker.process.kill('SIGSTOP');
    for (let one = 0; one < 5; one++) await stage.append(stream);
    await sleep(PAUSE_OF_BROKER_MS); // the fault itself
    expect((await stage.owner.store.outbox()).pending).toBe(5);
    stage.suite.broker.process.kill('SIGCONT');

    expect(await stage.applied('paused', stream, 10)).toEqual(upTo(10));
    await stage.allSent();
  });

  it('delivers all that was appended while it was killed and came back', async () => {
    const stream = stage.fresh();
    await stage.listener('crash');
    await stage.append(stream, 5);
    await stage.applied('crash', stream, 5);

    await stage.suite.broker.kill();
    for (let one = 0; one < 5; one++) await stage.append(stream);
    await stage.suite.broker.restart();

    expect(await stage.applied('crash', stream, 10)).toEqual(upTo(10));
  });
});
