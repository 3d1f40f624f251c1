import { Inbox, type RecordBatch } from '@holdfast/messaging';
import { Test } from '@nestjs/testing';
import 'reflect-metadata';
import { HealthMonitorConsumer } from './health-monitor.consumer';
import { HealthMonitorModule, type ConsumerParts } from './health-monitor.module';

describe('the module', () => {
  it('gives samples to the observer, and requests to the inbox', async () => {
    const took: unknown[] = [];
    const parts = {
      inbox: { receive: (batch: RecordBatch) => Promise.resolve(took.push(['inbox', batch])) },
      observer: { take: (batch: RecordBatch) => Promise.resolve(took.push(['observer', batch])) },
      clusters: {},
      halts: {},
    } as unknown as ConsumerParts;
    const module = await Test.createTestingModule({ imports: [HealthMonitorModule.with(parts)] }).compile();
    const consumer = module.get(HealthMonitorConsumer);
    const batch = {} as RecordBatch;
    await consumer.onSample(batch);
    await consumer.onRequest(batch);
    expect(took).toEqual([
      ['observer', batch],
      ['inbox', batch],
    ]);
    expect(module.get(Inbox)).toBe(parts.inbox);
  });
});
