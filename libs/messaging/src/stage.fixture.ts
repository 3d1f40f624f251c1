import { topics } from '@holdfast/contracts';
import type { EventStore } from '@holdfast/event-store';
import { randomUUID } from 'node:crypto';
import { eventually, MessagingSuite, PARTITIONS } from './fixtures';
import type { KafkaLink } from './kafka-link';
import { partitionOf } from './murmur2';
import type { EventHandlers } from './received';
import type { Relay } from './relay';
import { encodeEvent, type WireRecord } from './wire';

export const HEALTH = topics.health.name;

export const upTo = (n: number) => Array.from({ length: n }, (_, at) => at + 1);

const sightLost = () => ({
  type: 'ClusterSightLost',
  data: { clusterId: 'alpha', at: '2026-05-01T10:00:00.000Z', cause: 'broker' },
});

/** For specs: the health-monitor speaks, the load-balancer hears and writes down what it was given, in its own rows. */
export class Stage {
  private last = 0;

  private constructor(
    readonly suite: MessagingSuite,
    readonly owner: { store: EventStore; relay: Relay; kafka: KafkaLink },
    readonly hearer: EventStore,
  ) {}

  static async set(): Promise<Stage> {
    const suite = await MessagingSuite.start();
    const owner = await suite.owner();
    const hearer = await suite.store('load-balancer');
    await hearer.query('create table effect (consumer text, stream text, version bigint, n serial)');
    return new Stage(suite, owner, hearer);
  }

  stop(): Promise<void> {
    return this.suite.stop();
  }

  /** A stream that no other test knows. */
  fresh(): string {
    return `cluster-health-s${++this.last}`;
  }

  append(stream: string, count = 1): Promise<unknown> {
    return appendTo(this.owner.store, stream, count);
  }

  allSent(): Promise<unknown> {
    return eventually(
      () => this.owner.store.outbox(),
      ({ pending }) => pending === 0,
    );
  }

  /** A member of the load-balancer that notes what it hears of the health topic. */
  listener(consumer: string, store = this.hearer) {
    return this.suite.consumer({ store, consumer, handlers: { [HEALTH]: noting(consumer) } });
  }

  async effects(consumer: string, stream: string): Promise<number[]> {
    const rows = await this.hearer.query<{ version: number }>(
      'select version::int as version from effect where consumer = $1 and stream = $2 order by n',
      [consumer, stream],
    );
    return rows.map(({ version }) => version);
  }

  applied(consumer: string, stream: string, n: number): Promise<number[]> {
    return eventually(
      () => this.effects(consumer, stream),
      (versions) => versions.length >= n,
    );
  }

  async headOf(consumer: string, stream: string) {
    const [head] = await this.hearer.query<{ version: number; state: string }>(
      'select version::int as version, state from inbox_head where consumer = $1 and stream = $2',
      [consumer, stream],
    );
    return head;
  }

  becomes(state: 'flowing' | 'blocked', consumer: string, stream: string) {
    return eventually(
      () => this.headOf(consumer, stream),
      (head) => head?.state === state,
    );
  }

  async said(consumer: string, type: string) {
    return (await this.hearer.read(`inbox-load-balancer-${consumer}`)).filter((event) => event.type === type);
  }

  /** A record that no store ever sent. */
  send(stream: string, record: WireRecord): Promise<void> {
    return this.owner.kafka.send(HEALTH, partitionOf(stream, PARTITIONS), [record]);
  }
}

export async function appendTo(store: EventStore, stream: string, count: number): Promise<void> {
  const events = Array.from({ length: count }, sightLost);
  await store.inTransaction(async (tx) => tx.append({ stream, partitionKey: stream, expected: null, events }));
}

export function noting(consumer: string): EventHandlers {
  return {
    ClusterSightLost: ({ stream, version }, tx) =>
      tx.query('insert into effect (consumer, stream, version) values ($1, $2, $3)', [consumer, stream, version]),
  };
}

export function forge(stream: string, version: number, changes: Partial<Parameters<typeof encodeEvent>[0]> = {}) {
  const { type, data } = sightLost();
  const event = { stream, partitionKey: stream, version, id: randomUUID(), at: new Date().toISOString() };
  const meta = { correlationId: randomUUID() };
  const source = '/services/health-monitor';
  return encodeEvent({ ...event, type, schemaVersion: 1, dataText: JSON.stringify(data), meta, source, ...changes });
}
