import type { EventStore } from '@holdfast/event-store';
import type { Inbox, Samples } from '@holdfast/messaging';
import { gauge, logger, onScrape, type AdminServer } from '@holdfast/observability';
import { randomUUID } from 'node:crypto';
import type { Feed } from './feed/feed';
import type { Projector } from './feed/projector';
import type { LiveStreams } from './stream/live-streams';
import type { AutomationRow } from './projections/clusters.projection';
import type { Views } from './views/views';

const LAG_LIMIT_MS = 10_000;
const OUTBOX_LIMIT_MS = 30_000;

interface Parts {
  store: EventStore;
  feed: Feed;
  projector: Projector;
  live: LiveStreams;
  views: Views;
  assigned(): boolean;
}

/** What must hold for the gateway to be of use. */
export function checksOf({ store, feed, projector, assigned }: Parts) {
  return {
    postgres: async () => {
      await store.query('select 1');
      return { ok: true };
    },
    store: async () => ({
      ok: store.appendGate.open,
      ...(store.appendGate.reason && { detail: store.appendGate.reason }),
    }),
    kafka: async () => ({ ok: assigned(), ...(!assigned() && { detail: 'no partitions are assigned yet' }) }),
    outbox: async () => {
      const { oldestMs } = await store.outbox();
      return { ok: oldestMs < OUTBOX_LIMIT_MS, detail: `oldest ${Math.round(oldestMs)} ms` };
    },
    projections: async () => {
      const lagMs = await lagOf(feed, projector);
      return { ok: lagMs < LAG_LIMIT_MS, detail: `${lagMs} ms behind` };
    },
  };
}

/** How long the oldest event that is not yet folded has been known. A broken projection is told by itself. */
async function lagOf(feed: Feed, projector: Projector): Promise<number> {
  const [next] = await feed.after(projector.position(), 1);
  return next ? Math.max(0, Date.now() - Date.parse(next.knownAt)) : 0;
}

/** The gauges that are read when somebody asks. */
export function registerGauges({ store, feed, projector, live, views }: Parts): void {
  const lag = gauge('projection_lag_events', 'Events of the feed that a projection has not folded yet', ['projection']);
  const clients = gauge('sse_clients', 'Listeners to the live stream');
  const unanswered = gauge('requests_unanswered', 'Requests that their owner has not answered in time');
  const halted = gauge('automation_halted', 'Scopes in which automatic actions are halted');
  onScrape(async () => {
    clients.set(live.clients);
    const { position: head } = await feed.head();
    for (const { name, position } of projector.progress.values()) lag.set({ projection: name }, head - position);
    halted.set((await views.rows<AutomationRow>('automation')).filter((row) => row.halted).length);
    const [row] = await store.query<{ n: number }>(
      `select count(*) as n from rows_operations where body->>'state' = 'queued' and body->'reason'->>'code' = 'UNANSWERED'`,
    );
    unanswered.set(Number(row?.n ?? 0));
  });
}

const STATUS_EVERY_MS = 5_000;
const VERSION = '0.1.0';

/** The gateway's own word about itself, beside those that it hears of the others. */
export class ServiceStatus {
  private readonly instanceId = randomUUID();
  private readonly startedAt = new Date().toISOString();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly parts: Parts & { samples: Samples; inbox: Inbox; admin: AdminServer }) {}

  start(): void {
    this.timer ??= setInterval(() => void this.tell(), STATUS_EVERY_MS);
    void this.tell();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async tell(): Promise<void> {
    const { store, feed, projector, inbox, samples, admin } = this.parts;
    try {
      const checks = await admin.check();
      const [head, outbox, parked] = await Promise.all([feed.head(), store.outbox(), inbox.parked()]);
      const data = {
        service: store.service,
        instanceId: this.instanceId,
        version: VERSION,
        ready: checks.every(({ ok }) => ok),
        startedAt: this.startedAt,
        checks,
        lagEvents: Math.max(0, head.position - projector.position()),
        outboxOldestMs: outbox.oldestMs,
        parked: parked.length,
      };
      samples.send({ type: 'ServiceStatusObserved', data }, 'fleet');
    } catch (error) {
      // The store is away: silence says so, and /readyz names it.
      logger('status').debug({ err: error }, 'status not told');
    }
  }
}
