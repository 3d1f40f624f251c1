import { ServiceStatusObserved, type TopicContract } from '@holdfast/contracts';
import type { EventStore } from '@holdfast/event-store';
import { type AdminServer, type Check, gauge, logger, onScrape } from '@holdfast/observability';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Inbox } from './inbox';
import type { KafkaLink } from './kafka-link';
import type { Samples } from './samples';

const OUTBOX_OLDEST_MS = 30_000;
const RETRIED_MS = 10_000;
const EVERY_MS = 5_000;
const { version } = JSON.parse(readFileSync(join(__dirname, '../../../package.json'), 'utf8')) as { version: string };

/** What must hold for a service to be of use. Without partitions of each topic it `reads`, it would miss what it is for. */
export function readinessOf(o: {
  store: EventStore;
  kafka: KafkaLink;
  reads: readonly TopicContract[];
}): Record<string, Check> {
  const { store, kafka, reads } = o;
  return {
    postgres: async () => ({ ok: (await store.query('select 1')).length === 1 }),
    store: async () => {
      const { open, reason } = store.appendGate;
      return { ok: open, ...(reason !== undefined && { detail: reason }) };
    },
    partitions: async () => {
      const assigned = new Set(kafka.freshness.all().map(({ topic }) => topic));
      const missing = reads.map(({ name }) => name).filter((name) => !assigned.has(name));
      return missing.length === 0 ? { ok: true } : { ok: false, detail: `not assigned: ${missing.join(', ')}` };
    },
    batches: async () => {
      const stuck = kafka.freshness.all().filter(({ retriedMs }) => retriedMs > RETRIED_MS);
      if (stuck.length === 0) return { ok: true };
      const words = stuck.map(
        ({ topic, partition, retriedMs, behindRecords }) =>
          `${topic}/${partition} fails since ${Math.round(retriedMs / 1_000)} s, ${behindRecords} records behind`,
      );
      return { ok: false, detail: words.join('; ') };
    },
    outbox: async () => {
      const { oldestMs } = await store.outbox();
      return { ok: oldestMs < OUTBOX_OLDEST_MS, detail: `oldest ${Math.round(oldestMs)} ms` };
    },
  };
}

interface Teller {
  readonly store: EventStore;
  readonly kafka: KafkaLink;
  readonly inbox: Inbox;
  readonly samples: Samples;
  readonly admin: AdminServer;
  /** How far it is behind, where that is more than the records it has not read. */
  readonly lagEvents?: () => Promise<number>;
}

/** Tells every 5 s how this process is; who hears nothing knows enough. */
export class ServiceStatus {
  private readonly instanceId = randomUUID();
  private readonly startedAt = new Date().toISOString();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly teller: Teller) {
    const regressed = gauge('store_regressed', '1: the store lacks events that it once published');
    onScrape(() => regressed.set(teller.store.appendGate.reason === 'STORE_REGRESSED' ? 1 : 0));
  }

  start(): void {
    this.timer ??= setInterval(() => void this.tell(), EVERY_MS);
    void this.tell();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async tell(): Promise<void> {
    const { store, kafka, inbox, samples, admin } = this.teller;
    const unread = async () => kafka.freshness.all().reduce((sum, { behindRecords }) => sum + behindRecords, 0);
    try {
      const checks = await admin.check();
      const [lagEvents, outbox, parked] = await Promise.all([
        (this.teller.lagEvents ?? unread)(),
        store.outbox(),
        inbox.parked(),
      ]);
      const data = {
        service: store.service,
        instanceId: this.instanceId,
        version,
        ready: checks.every(({ ok }) => ok),
        startedAt: this.startedAt,
        checks,
        lagEvents,
        outboxOldestMs: outbox.oldestMs,
        parked: parked.length,
      };
      samples.send({ type: ServiceStatusObserved.type, data }, 'fleet');
    } catch (error) {
      // The store is away: silence says so, and /readyz names it.
      logger('status').debug({ err: error }, 'the status could not be told');
    }
  }
}
