import { topics } from '@holdfast/contracts';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern } from '@nestjs/microservices';
import 'reflect-metadata';
import { BatchTransport } from './batch-transport';
import { KafkaLink } from './kafka-link';
import { RecordBatch } from './record-batch';

const seen: RecordBatch[] = [];
let answer: () => Promise<void>;

@Controller()
class HealthConsumer {
  @EventPattern(topics.health.name)
  onHealth(@Ctx() batch: RecordBatch): Promise<void> {
    seen.push(batch);
    return answer();
  }
}

@Module({ controllers: [HealthConsumer] })
class Wiring {}

const batch = new RecordBatch({ topic: topics.health.name, partition: 0, messages: [] }, 4);
let transport: BatchTransport;

beforeAll(async () => {
  const kafka = new KafkaLink({ brokers: ['127.0.0.1:1'], clientId: 'spec' });
  transport = new BatchTransport({ kafka, groupId: 'spec' });
  const app = await NestFactory.createMicroservice(Wiring, { strategy: transport, logger: false });
  await app.init();
});

it('waits for the handler that a controller names', async () => {
  let finish = () => undefined as void;
  answer = () => new Promise((resolve) => (finish = resolve));
  let done = false;
  const delivered = transport.deliver(batch).then(() => (done = true));
  await new Promise((resolve) => setImmediate(resolve));

  expect(seen).toEqual([batch]);
  expect(done).toBe(false);
  finish();
  await delivered;
});

it('fails when the handler fails, so that the batch is tried again', async () => {
  answer = () => Promise.reject(new RangeError('the disk is full'));
  await expect(transport.deliver(batch)).rejects.toBeDefined();
});
