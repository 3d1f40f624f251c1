import { randomUUID } from 'node:crypto';
import { contractOf, topics } from '@holdfast/contracts';
import { invariant } from '@holdfast/kernel';
import { logger } from '@holdfast/observability';
import type { KafkaLink } from './kafka-link';
import { partitionOf } from './murmur2';
import { encodeSample } from './wire';

export interface SampleToSend {
  readonly type: string;
  readonly data: object;
}

export interface SampleTarget {
  /** The record key: a cluster's id, or `fleet`. */
  key: string;
  /** `holdfast.samples` unless said. */
  topic?: string;
  /** That of the key unless said: heads and canaries stand in each. */
  partition?: number;
}

interface Way {
  waiting: { sample: SampleToSend; target: SampleTarget; at: string } | null;
}

/**
 * Sends observations. While one is on its way, only the newest of its kind and subject waits: after an outage the
 * readers meet the present, not a queue of the past.
 */
export class SampleSender {
  readonly #kafka: KafkaLink;
  readonly #source: string;
  readonly #ways = new Map<string, Way>();
  readonly #log = logger('samples');

  /** `source`: `/services/<name>` or `/nodes/<nodeId>`. */
  constructor(o: { kafka: KafkaLink; source: string }) {
    this.#kafka = o.kafka;
    this.#source = o.source;
  }

  /** Never waits and never fails: a lost sample is followed by the next. `at` is when it was observed. */
  send(sample: SampleToSend, target: SampleTarget): void {
    const contract = contractOf(sample.type);
    invariant(contract?.kind === 'sample', `${sample.type} is no sample`);
    const waiting = { sample, target, at: new Date().toISOString() };
    const name = `${target.topic}/${target.partition}/${sample.type}/${contract.subject(sample.data)}`;
    const way = this.#ways.get(name);
    if (way !== undefined) {
      way.waiting = waiting;
      return;
    }
    const opened: Way = { waiting };
    this.#ways.set(name, opened);
    void this.#drain(name, opened);
  }

  async #drain(name: string, way: Way): Promise<void> {
    while (way.waiting !== null) {
      const { sample, target, at } = way.waiting;
      way.waiting = null;
      try {
        await this.#transmit(sample, target, at);
      } catch (error) {
        this.#log.warn({ err: error, type: sample.type }, 'a sample was not sent');
      }
    }
    this.#ways.delete(name);
  }

  async #transmit({ type, data }: SampleToSend, { key, topic, partition }: SampleTarget, at: string): Promise<void> {
    const contract = contractOf(type);
    invariant(contract?.kind === 'sample', `${type} is no sample`);
    const record = encodeSample({
      id: randomUUID(),
      at,
      type,
      schemaVersion: contract.version,
      data: contract.schema.parse(data) as object,
      key,
      subject: contract.subject(data),
      source: this.#source,
    });
    const to = partition ?? partitionOf(key, await this.#kafka.partitions());
    await this.#kafka.send(topic ?? topics.samples.name, to, [record]);
  }
}
