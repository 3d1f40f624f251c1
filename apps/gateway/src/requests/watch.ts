import type { Tx } from '@holdfast/event-store';
import { logger } from '@holdfast/observability';
import type { OperationRow } from '../projections/operation';
import type { RebuildOrder, Rebuilds } from './rebuilds';

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
    private readonly rebuilds: Rebuilds,
    private readonly unansweredSec: number,
  ) {}

  async due({ stream, name, command }: DueTimer, tx: Tx): Promise<void> {
    if (name === 'unanswered') await this.tellUnanswered(stream, command as Waiting, tx);
    else if (name === 'rebuild') await this.rebuilds.due({ stream, name }, command as RebuildOrder, tx);
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
}
