import type { EventStore } from '@holdfast/event-store';
import type { AdminServer } from '@holdfast/observability';
import type { RegressionGuard } from './guard-regression';
import type { Inbox } from './inbox';
import type { KafkaLink } from './kafka-link';
import type { Relay } from './relay';
import type { ServiceStatus } from './service-status';

export interface RunningParts {
  readonly admin: AdminServer;
  readonly status: ServiceStatus;
  readonly guard: RegressionGuard;
  readonly inbox: Inbox;
  readonly relay: Relay;
  readonly kafka: KafkaLink;
  readonly store: EventStore;
}

/** Unready first; `finishWork` takes nothing new and finishes what is in hand; what that decided is sent; connections last. */
export async function endService(parts: RunningParts, finishWork: () => Promise<void>): Promise<void> {
  const { admin, status, guard, inbox, relay, kafka, store } = parts;
  admin.drain();
  status.stop();
  guard.stop();
  await finishWork();
  inbox.stop();
  await relay.stop();
  await kafka.stop();
  await store.close();
  await admin.stop();
}
