import type { EventStore } from '@holdfast/event-store';
import { KafkaLink } from './kafka-link';
import { Relay } from './relay';

const never = () => new Promise<never>(() => undefined);
const connect = jest.fn<Promise<void>, []>(never);
const disconnect = jest.fn<Promise<void>, []>(never);
jest.mock('kafkajs', () => ({
  ...jest.requireActual<object>('kafkajs'),
  Kafka: class {
    producer = () => ({ connect, disconnect, send: never });
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

/** Each would wait for ever, as a service's end did until it was cut off. */
describe('while the broker is away', () => {
  it('a link stops without its producer', async () => {
    const link = new KafkaLink({ brokers: ['127.0.0.1:9'], clientId: 'spec' });
    void link.send('topic', 0, []);
    await link.stop();
    expect(disconnect).not.toHaveBeenCalled();
  });

  it('a link stops whose goodbye is not answered', async () => {
    connect.mockResolvedValueOnce();
    const link = new KafkaLink({ brokers: ['127.0.0.1:9'], clientId: 'spec' });
    void link.send('topic', 0, []);
    await new Promise((resolve) => setImmediate(resolve));
    await link.stop();
    expect(disconnect).toHaveBeenCalledTimes(1);
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
