import { topics } from '@holdfast/contracts';
import type { EventStore } from '@holdfast/event-store';
import type { AdminServer } from '@holdfast/observability';
import { endService, type RunningParts } from './end-service';
import type { Inbox } from './inbox';
import type { KafkaLink } from './kafka-link';
import type { SampleToSend } from './sample-sender';
import type { Samples } from './samples';
import { readinessOf, ServiceStatus } from './service-status';
import { Freshness } from './freshness';

function service(oldestMs = 0, reason?: string) {
  const freshness = new Freshness();
  const store = {
    service: 'load-balancer',
    appendGate: { open: reason === undefined, reason },
    query: () => Promise.resolve([{}]),
    outbox: () => Promise.resolve({ pending: 1, oldestMs }),
  } as unknown as EventStore;
  const kafka = { freshness } as KafkaLink;
  const checks = readinessOf({ store, kafka, reads: [topics.requests, topics.nodes] });
  return { store, kafka, freshness, checks };
}

describe('a service', () => {
  it('is ready once partitions of every topic it reads are its own', async () => {
    const { checks, freshness } = service();
    freshness.assigned(topics.requests.name, 0);
    expect(await checks['partitions']!()).toEqual({ ok: false, detail: `not assigned: ${topics.nodes.name}` });
    freshness.assigned(topics.nodes.name, 3);
    expect(await checks['partitions']!()).toEqual({ ok: true });
  });

  it('is unready while its oldest event is unsent for 30 s, and while its store is not trusted', async () => {
    expect(await service(29_999).checks['outbox']!()).toMatchObject({ ok: true });
    expect(await service(30_000).checks['outbox']!()).toMatchObject({ ok: false });
    expect(await service(0, 'STORE_REGRESSED').checks['store']!()).toEqual({ ok: false, detail: 'STORE_REGRESSED' });
  });

  it('is unready while one batch fails for more than 10 s, and says how far behind it is', async () => {
    const { checks, freshness } = service();
    const now = jest.spyOn(performance, 'now').mockReturnValue(1_000);
    freshness.assigned(topics.nodes.name, 3);
    freshness.failed(topics.nodes.name, 3, 41);
    now.mockReturnValue(11_000);
    freshness.failed(topics.nodes.name, 3, 41);
    expect(await checks['batches']!()).toEqual({ ok: true });
    now.mockReturnValue(12_000);
    const detail = `${topics.nodes.name}/3 fails since 11 s, 41 records behind`;
    expect(await checks['batches']!()).toEqual({ ok: false, detail });

    freshness.took(topics.nodes.name, 3, { asOf: '2026-01-01T00:00:00.000Z', behindRecords: 0 });
    expect(await checks['batches']!()).toEqual({ ok: true });
    now.mockRestore();
  });

  it('tells how it is, and says nothing while it cannot know', async () => {
    const { store, kafka, freshness } = service(7);
    freshness.took(topics.nodes.name, 0, { asOf: '2026-01-01T00:00:00.000Z', behindRecords: 4 });
    const sent: SampleToSend[] = [];
    const heard = (check: () => Promise<{ name: string; ok: boolean }[]>) => {
      const teller = {
        ...{ store, kafka, admin: { check } as unknown as AdminServer },
        inbox: { parked: () => Promise.resolve([{}, {}]) } as unknown as Inbox,
        samples: { send: (sample: SampleToSend) => void sent.push(sample) } as unknown as Samples,
      };
      const status = new ServiceStatus(teller);
      status.start();
      status.stop();
      return new Promise(setImmediate);
    };
    await heard(() => Promise.reject(new RangeError('the store is away')));
    expect(sent).toEqual([]);
    await heard(() => Promise.resolve([{ name: 'store', ok: false }]));
    const told = { service: 'load-balancer', ready: false, lagEvents: 4, outboxOldestMs: 7, parked: 2 };
    expect(sent).toEqual([{ type: 'ServiceStatusObserved', data: expect.objectContaining(told) as object }]);
  });

  it('ends in order: unready, work in hand finished, what it decided sent, connections closed', async () => {
    const order: string[] = [];
    const part = (name: string, end: 'stop' | 'close' = 'stop') => ({ [end]: async () => void order.push(name) });
    const parts = {
      admin: { drain: () => order.push('unready'), ...part('admin') },
      ...{ status: part('status'), guard: part('guard'), inbox: part('inbox'), relay: part('relay') },
      ...{ kafka: part('kafka'), store: part('store', 'close') },
    } as unknown as RunningParts;
    await endService(parts, async () => void order.push('work'));
    expect(order).toEqual(['unready', 'status', 'guard', 'work', 'inbox', 'relay', 'kafka', 'store', 'admin']);
  });
});
