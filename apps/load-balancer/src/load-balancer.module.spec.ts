import { topics } from '@holdfast/contracts';
import type { EventStore } from '@holdfast/event-store';
import type { Inbox, Samples } from '@holdfast/messaging';
import { Test } from '@nestjs/testing';
import { DueTimers } from './due-timers';
import { LoadBalancerConsumer } from './load-balancer.consumer';
import { LoadBalancerModule } from './load-balancer.module';

it('wires the module, and hears what this service decides on', async () => {
  const heard: Record<string, string[]> = {};
  const receive = (batch: { topic: string }, handlers: object) => {
    heard[batch.topic] = Object.keys(handlers);
    return Promise.resolve();
  };
  const others = { samples: {} as Samples, takenMs: 5_000, usualBytesPerSec: 1 };
  const parts = { store: {} as EventStore, inbox: { receive } as unknown as Inbox, ...others };
  const module = await Test.createTestingModule({ imports: [LoadBalancerModule.of(parts)] }).compile();
  const consumer = module.get(LoadBalancerConsumer);
  await consumer.onRequest({ topic: topics.requests.name } as never);
  await consumer.onHealth({ topic: topics.health.name } as never);
  await consumer.onNodeFact({ topic: topics.nodes.name } as never);

  expect(module.get(DueTimers)).toBeDefined();
  for (const topic of [topics.requests, topics.health, topics.nodes]) {
    const known = new Set<string>(topic.events.map(({ type }) => type));
    expect(heard[topic.name]?.filter((type) => !known.has(type))).toEqual([]);
    expect(heard[topic.name]?.length).toBeGreaterThan(0);
  }
});
