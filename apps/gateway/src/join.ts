import type { Relay, RegressionGuard, ServiceStatus } from '@holdfast/messaging';
import type { Timers } from '@holdfast/event-store';
import { FleetError } from '@holdfast/kernel';
import { logger } from '@holdfast/observability';
import { setTimeout as sleep } from 'node:timers/promises';

const AGAIN_MS = 500;

interface Joining {
  readonly guard: Pick<RegressionGuard, 'check'>;
  /** Issues the fleet's first admin token, if one is given. Done twice, it issues one. */
  readonly issueFirst: () => Promise<void>;
  readonly relay: Pick<Relay, 'start'>;
  readonly timers: Pick<Timers, 'start'>;
  readonly listen: () => Promise<unknown>;
  readonly status: Pick<ServiceStatus, 'start'>;
}

/**
 * Until it is known that the store still holds what it once published, nothing is appended. It may take as long as Kafka
 * or PostgreSQL is away; whoever ends the process meanwhile does not wait, and after `ended` nothing starts.
 */
export async function join(parts: Joining, ended: AbortSignal): Promise<void> {
  await patiently(() => parts.guard.check(), ended);
  await patiently(parts.issueFirst, ended);
  if (ended.aborted) return;
  parts.relay.start();
  parts.timers.start();
  await parts.listen();
  if (!ended.aborted) parts.status.start();
}

/** Again while what fails may pass by itself. */
async function patiently(work: () => Promise<void>, ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    try {
      return await work();
    } catch (error) {
      // What fails after the end fails because of it.
      if (ended.aborted) return;
      if (!(error instanceof FleetError) || !error.retryable) throw error;
      logger().warn({ err: error, code: error.code }, 'the log cannot be followed yet; trying again');
    }
    await sleep(AGAIN_MS);
  }
}
