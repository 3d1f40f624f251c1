import type { EventStore } from '@holdfast/event-store';
import { KafkaLink } from './kafka-link';
import { Relay } from './relay';

const never = () => new Promise<never>(() => undefined);
const disconnect = jest.fn();
jest.mock('kafkajs', () => ({
  ...jest.requireActual<object>('kafkajs'),
  Kafka: class {
    producer = () => ({ connect: never, disconnect });
  },
}));
jest.mock('pg', () => ({
  Client: class {
    on = () => undefined;
    connect = () => Promise.resolve();
    end = () => Promise.resolve();
  },
}));
const locked = jest.fn();
jest.mock('./outbox', () => ({ Outbox: { lock: async () => (locked(), {}) } }));

/** Both would wait for ever, as a service's end did until it was cut off. */
describe('while the broker has not been there yet', () => {
  it('a link stops without its producer', async () => {
    const link = new KafkaLink({ brokers: ['127.0.0.1:9'], clientId: 'spec' });
    void link.send('topic', 0, []);
    await link.stop();
    expect(disconnect).not.toHaveBeenCalled();
  });

  it('a relay stops without the number of partitions', async () => {
    const store = { context: 'health', pool: {}, onAppended: () => undefined, outbox: async () => ({ pending: 0 }) };
    const kafka = { partitions: jest.fn(never), replays: { onRequested: () => undefined } };
    const relay = new Relay({ store: store as unknown as EventStore, kafka: kafka as unknown as KafkaLink });
    relay.start();
    while (kafka.partitions.mock.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await relay.stop();
    expect(locked).toHaveBeenCalledTimes(1);
  });
});
