import type { EventStore, Tx } from '@holdfast/event-store';
import { logger } from '@holdfast/observability';
import type { Rebuilder } from '../feed/rebuild';
import type { OperationRow } from '../projections/operations.projection';

const INBOX_STREAM = 'inbox-gateway-feed';
const log = logger('requests');

interface Waiting {
  requestId: string;
  owner: string;
  partitionKey: string;
}

interface DueTimer {
  stream: string;
  name: string;
  command: object;
}

/** What a request's timers lead to: its owner has not answered, or the gateway itself has to. */
export class RequestWatch {
  constructor(
    private readonly store: EventStore,
    private readonly rebuilder: Rebuilder,
    private readonly unansweredSec: number,
  ) {}

  async due({ stream, name, command }: DueTimer, tx: Tx): Promise<void> {
    if (name === 'unanswered') await this.tellUnanswered(stream, command as Waiting, tx);
    else if (name === 'rebuild') await this.rebuild(command as { requestId: string; name: string }, tx);
    else log.warn({ stream, name }, 'a timer of another build');
  }

  private async tellUnanswered(stream: string, { requestId, owner, partitionKey }: Waiting, tx: Tx): Promise<void> {
    const [row] = await tx.query<{ body: OperationRow }>('select body from rows_operations where key = $1', [
      requestId,
    ]);
    // Answered: or so slow a log that not even the request has come round, which is no word of the owner.
    if (row && row.body.state !== 'queued') return;
    const data = { requestId, owner, waitedMs: this.unansweredSec * 1000 };
    const events = [{ type: 'RequestLeftUnanswered', data }];
    tx.inContext({ correlationId: requestId, causationId: requestId }).append({
      stream,
      partitionKey,
      expected: 1,
      events,
    });
  }

  private async rebuild({ requestId, name }: { requestId: string; name: string }, tx: Tx): Promise<void> {
    const refused = this.rebuilder.refusal(name);
    if (refused) {
      const data = { name, requestId, reason: refused };
      return this.answer({ type: 'ProjectionRebuildRejected', data }, requestId, tx);
    }
    const { position, rows, durationMs, contentHash, identical } = await this.rebuilder.rebuild(name);
    log.info({ projection: name, position, rows, durationMs, identical }, 'projection rebuilt');
    const data = { name, requestId, position, rows, durationMs, contentHash };
    await this.answer({ type: 'ProjectionRebuilt', data }, requestId, tx);
  }

  private async answer(event: { type: string; data: object }, requestId: string, tx: Tx): Promise<void> {
    const context = { correlationId: requestId, causationId: requestId };
    tx.inContext(context).append({ stream: INBOX_STREAM, partitionKey: 'gateway', expected: null, events: [event] });
  }
}
