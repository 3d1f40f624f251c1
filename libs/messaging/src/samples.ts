import { counter, logger } from '@holdfast/observability';
import { invariant } from '@holdfast/kernel';
import type { KafkaLink } from './kafka-link';
import { judgeSample, type ReceivedSample, type SampleHandlers } from './received';
import type { RecordBatch } from './record-batch';
import { SampleSender, type SampleTarget, type SampleToSend } from './sample-sender';

/** Unstored observations, with the broker's append time. A lost or unreadable one is followed by the next. */
export class Samples {
  readonly #sender: SampleSender;
  readonly #log = logger('samples');

  /** `source`: the name of the service that sends. */
  constructor(o: { kafka: KafkaLink; service: string }) {
    this.#sender = new SampleSender({ kafka: o.kafka, source: `/services/${o.service}` });
  }

  async receive(batch: RecordBatch, handlers: SampleHandlers): Promise<void> {
    for (const record of batch.decoded()) {
      if (record.kind === 'sample' && !(record.type in handlers)) continue;
      const sample = record.kind === 'sample' ? judgeSample(record) : undefined;
      if (record.kind !== 'sample' || sample === undefined) {
        const reason = record.kind === 'invalid' ? record.reason : `a ${record.type} that is not understood`;
        this.#log.warn({ topic: batch.topic, partition: batch.partition, offset: record.offset, reason }, 'dropped');
        rejected().inc({ topic: batch.topic, reason: 'unreadable' });
        continue;
      }
      const handle = handlers[record.type as keyof SampleHandlers] as ((sample: ReceivedSample) => unknown) | undefined;
      invariant(handle !== undefined, `no handler for ${record.type}`);
      await handle(sample);
    }
  }

  /** Never waits: while one is on its way, only the newest of its kind and subject waits. */
  send(sample: SampleToSend, target: string | SampleTarget): void {
    this.#sender.send(sample, typeof target === 'string' ? { key: target } : target);
  }
}

export const rejected = () => counter('rejected_messages_total', 'Records that nobody may act on', ['topic', 'reason']);
