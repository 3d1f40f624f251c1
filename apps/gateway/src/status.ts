import { topics } from '@holdfast/contracts';
import type { EventStore } from '@holdfast/event-store';
import { type KafkaLink, readinessOf } from '@holdfast/messaging';
import { type Check, gauge, onScrape } from '@holdfast/observability';
import type { Feed } from './feed/feed';
import type { Projector } from './feed/projector';
import type { LiveStreams } from './stream/live-streams';
import type { AutomationRow } from './projections/clusters.projection';
import type { Views } from './views/views';

const LAG_LIMIT_MS = 10_000;

interface Parts {
  store: EventStore;
  kafka: KafkaLink;
  feed: Feed;
  projector: Projector;
  live: LiveStreams;
  views: Views;
}

/** What must hold for the gateway to be of use, beside what must for every service. */
export function checksOf({ store, kafka, feed, projector }: Parts): Record<string, Check> {
  return {
    ...readinessOf({ store, kafka, reads: [topics.requests] }),
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
