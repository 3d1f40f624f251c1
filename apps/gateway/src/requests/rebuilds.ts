import type { EventStore, Tx } from '@holdfast/event-store';
import { logger } from '@holdfast/observability';
import type { Rebuilder } from '../feed/rebuild';

const INBOX_STREAM = 'inbox-gateway-feed';
/** How often a rebuild is looked after: one that failed, or whose process died, is begun again. */
const LOOK_AFTER_MS = 15_000;
const log = logger('rebuilds');

export interface RebuildOrder {
  readonly requestId: string;
  readonly name: string;
}

interface Timer {
  readonly stream: string;
  readonly name: string;
}

/**
 * A rebuild takes as long as the feed is, a transaction may not: its timer only begins it, and comes again until the
 * rebuild's own last transaction has answered and taken the timer away.
 */
export class Rebuilds {
  /** By projection: whose it is, and its end. */
  private readonly running = new Map<string, { requestId: string; ended: Promise<void> }>();
  private readonly ending = new AbortController();

  constructor(
    private readonly store: EventStore,
    private readonly rebuilder: Rebuilder,
  ) {}

  async due(timer: Timer, order: RebuildOrder, tx: Tx): Promise<void> {
    const { requestId, name } = order;
    if (!this.rebuilder.knows(name)) return answer(tx, 'ProjectionRebuildRejected', { ...order, reason: 'unknown' });
    const running = this.running.get(name);
    if (running && running.requestId !== requestId)
      return answer(tx, 'ProjectionRebuildRejected', { ...order, reason: 'running' });
    tx.setTimer(timer.stream, timer.name, new Date(Date.now() + LOOK_AFTER_MS).toISOString(), order);
    if (running || this.ending.signal.aborted) return;
    tx.onCommit(() => this.begin(timer, order));
  }

  /** Those under way are left where they are: the next process begins them again. */
  async stop(): Promise<void> {
    this.ending.abort();
    await Promise.all([...this.running.values()].map(({ ended }) => ended));
  }

  private begin(timer: Timer, order: RebuildOrder): void {
    const { requestId, name } = order;
    const ended = this.rebuild(timer, order)
      .catch((error: unknown) => {
        if (!this.ending.signal.aborted)
          log.error({ err: error, projection: name }, 'a rebuild failed, and is tried again');
      })
      .finally(() => this.running.delete(name));
    this.running.set(name, { requestId, ended });
  }

  private async rebuild({ stream, name: timer }: Timer, order: RebuildOrder): Promise<void> {
    const { identical, ...rebuilt } = await this.rebuilder.rebuild(order.name, this.ending.signal);
    log.info({ projection: order.name, ...rebuilt, identical }, 'projection rebuilt');
    await this.store.inTransaction(async (tx) => {
      await answer(tx, 'ProjectionRebuilt', { ...order, ...rebuilt });
      tx.setTimer(stream, timer, null, order);
    });
  }
}

async function answer(tx: Tx, type: string, data: RebuildOrder & Readonly<Record<string, unknown>>): Promise<void> {
  const { requestId, name, ...told } = data;
  const context = { correlationId: requestId, causationId: requestId };
  const events = [{ type, data: { name, requestId, ...told } }];
  tx.inContext(context).append({ stream: INBOX_STREAM, partitionKey: 'gateway', expected: null, events });
}
