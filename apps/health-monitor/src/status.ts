import { randomUUID } from 'node:crypto';
import { ServiceStatusObserved, topics } from '@holdfast/contracts';
import type { EventStore } from '@holdfast/event-store';
import type { Inbox, KafkaLink, Samples } from '@holdfast/messaging';
import { logger, type AdminServer, type Check } from '@holdfast/observability';

const EVERY_MS = 5_000;
const OUTBOX_OLDEST_MS = 30_000;

export interface ServiceParts {
  readonly store: EventStore;
  readonly kafka: KafkaLink;
  readonly inbox: Inbox;
  readonly samples: Samples;
}

/** What must hold for this service to be of use. */
export function readinessOf({ store, kafka }: ServiceParts): Record<string, Check> {
  return {
    postgres: async () => ({ ok: (await store.query('select 1')).length === 1 }),
    store: async () => {
      const { open, reason } = store.appendGate;
      return { ok: open, ...(reason && { detail: reason }) };
    },
    partitions: async () => {
      const topicsRead = new Set(kafka.freshness.all().map(({ topic }) => topic));
      const missing = [topics.samples, topics.requests].filter(({ name }) => !topicsRead.has(name));
      const detail = `not read yet: ${missing.map(({ name }) => name).join(', ')}`;
      return missing.length === 0 ? { ok: true } : { ok: false, detail };
    },
    outbox: async () => {
      const { oldestMs } = await store.outbox();
      return { ok: oldestMs < OUTBOX_OLDEST_MS, detail: `${oldestMs} ms` };
    },
  };
}

/** Tells every 5 s how this process is; who hears nothing knows enough. */
export class StatusTeller {
  private readonly instanceId = randomUUID();
  private readonly startedAt = new Date().toISOString();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly parts: ServiceParts,
    private readonly admin: AdminServer,
  ) {}

  start(): void {
    const tell = () => {
      this.tell().catch((error: unknown) => logger('status').debug({ err: error }, 'status not told'));
    };
    this.timer ??= setInterval(tell, EVERY_MS);
    tell();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async tell(): Promise<void> {
    const { store, kafka, inbox, samples } = this.parts;
    const checks = await this.admin.check();
    const data = {
      service: store.service,
      instanceId: this.instanceId,
      version: process.env['npm_package_version'] ?? '0.1.0',
      ready: checks.every(({ ok }) => ok),
      startedAt: this.startedAt,
      checks,
      lagEvents: kafka.freshness.all().reduce((sum, { behindRecords }) => sum + behindRecords, 0),
      outboxOldestMs: (await store.outbox()).oldestMs,
      parked: (await inbox.parked()).length,
    };
    samples.send({ type: ServiceStatusObserved.type, data }, 'fleet');
  }
}
