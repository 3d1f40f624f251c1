import type { Instant } from '@holdfast/contracts';
import type { EventStore } from '@holdfast/event-store';
import type { Inbox, KafkaLink, Samples } from '@holdfast/messaging';
import { type AdminServer, type Check, gauge, logger, onScrape } from '@holdfast/observability';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Parts {
  readonly store: EventStore;
  readonly kafka: KafkaLink;
  readonly inbox: Inbox;
}

const { version } = JSON.parse(readFileSync(join(__dirname, '../../../package.json'), 'utf8')) as { version: string };
const OUTBOX_OLDEST_MS = 30_000;
const EVERY_MS = 5_000;

/** What must hold for this process to be of use. */
export function readinessChecks({ store, kafka }: Parts): Record<string, Check> {
  return {
    postgres: async () => {
      await store.query('select 1');
      return { ok: true };
    },
    store: async () => ({ ok: store.appendGate.open, ...detail(store.appendGate.reason) }),
    partitions: async () => ({ ok: kafka.freshness.all().length > 0 }),
    outbox: async () => {
      const { oldestMs } = await store.outbox();
      return { ok: oldestMs < OUTBOX_OLDEST_MS, ...detail(`oldest ${Math.round(oldestMs)} ms`) };
    },
  };
}

/** Tells every 5 s how this process is. */
export class ServiceStatus {
  private readonly instanceId = randomUUID();
  private readonly startedAt: Instant = new Date().toISOString();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly parts: Parts,
    private readonly samples: Samples,
    private readonly admin: AdminServer,
  ) {}

  start(): void {
    this.timer = setInterval(() => void this.tell(), EVERY_MS);
    void this.tell();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async tell(): Promise<void> {
    try {
      const checks = await this.admin.check();
      const { store, inbox } = this.parts;
      const [{ oldestMs }, parked] = await Promise.all([store.outbox(), inbox.parked()]);
      const data = {
        ...{ service: store.service, instanceId: this.instanceId, version, startedAt: this.startedAt, checks },
        ...{ ready: checks.every(({ ok }) => ok), lagEvents: lagOf(this.parts), outboxOldestMs: oldestMs },
        parked: parked.length,
      };
      this.samples.send({ type: 'ServiceStatusObserved', data }, 'fleet');
    } catch (error) {
      // The store is away; that this service says nothing says so.
      logger('status').warn({ err: error }, 'the status could not be told');
    }
  }
}

/** What the store's keeper found, for whoever is to be woken. */
export function gaugeOfRegression(store: EventStore): void {
  const regressed = gauge('store_regressed', '1: the store lacks events that it once published');
  onScrape(() => regressed.set(store.appendGate.reason === 'STORE_REGRESSED' ? 1 : 0));
}

function lagOf({ kafka }: Parts): number {
  return kafka.freshness.all().reduce((sum, { behindRecords }) => sum + behindRecords, 0);
}

function detail(text: string | undefined): { detail?: string } {
  return text === undefined ? {} : { detail: text };
}
