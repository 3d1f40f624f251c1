import { ParkedEventActionRejected, ParkedEventSkipped, ParkedStreamReloaded } from '@holdfast/contracts';
import type { Tx } from '@holdfast/event-store';
import type { InboxLedger } from './inbox-ledger';
import type { ParkedRow } from './inbox-rows';
import type { Received } from './received';
import { afterHearingOf, afterUnblocking, unknownStream } from './stream-head';

export type Handler = (event: Received, tx: Tx) => Promise<unknown> | void;

type Action = {
  service: string;
  consumer: string;
  stream: string;
  version: number;
  requestId: string;
  reason?: string;
};

/** What people may want done with a stream that stopped: retry, skip, reload. */
export class ParkedActions {
  /** Streams whose parked events may be applied once this transaction has committed. */
  readonly drainAfter = new Set<string>();

  constructor(private readonly ledger: InboxLedger) {}

  /** The inbox's own part of `holdfast.requests`: what people want done with a blocked stream of this consumer. */
  handlerFor({ type, data }: Received): Handler | undefined {
    const action = data as Action;
    if (action.service !== this.ledger.me.service || action.consumer !== this.ledger.me.consumer) return undefined;
    switch (type) {
      case 'ParkedEventRetryRequested':
        return (_, tx) => this.act(action, tx, (first) => this.retry(first, action));
      case 'ParkedEventSkipRequested':
        return (_, tx) => this.act(action, tx, (first) => this.skip(first, action, tx));
      case 'ParkedStreamReloadRequested':
        return (_, tx) => this.act(action, tx, () => this.reload(action, tx));
      default:
        return undefined;
    }
  }

  private async act(
    { stream, version, requestId }: Action,
    tx: Tx,
    work: (first: ParkedRow) => Promise<void | 'forked'>,
  ) {
    await this.ledger.lock([stream]);
    const [first] = [...this.ledger.waitingIn(stream).values()].sort((a, b) => a.version - b.version);
    const reject = (reason: string) =>
      this.ledger.tell(ParkedEventActionRejected, { stream, requestId, reason }, { tx });
    if (this.ledger.head(stream).state !== 'blocked' || first === undefined) return reject('notParked');
    if (first.version !== version) return reject('notFirst');
    if ((await work(first)) === 'forked') return reject('forked');
    this.drainAfter.add(stream);
  }

  private async retry(first: ParkedRow, { stream, requestId }: Action): Promise<void | 'forked'> {
    if (first.code === 'HISTORY_FORKED') return 'forked';
    if (first.code === 'HISTORY_MISSING') {
      // Nothing came, so there is nothing to apply: it is asked for again.
      await this.ledger.unpark(stream, [first.version]);
      this.ledger.tellResumed(stream, { ...first, message: requestId, code: 'RETRIED' }, 0);
    } else {
      await this.ledger.rows.markRetried(first, requestId);
      first.code = 'RETRIED';
      first.message = requestId;
    }
    this.ledger.move(stream, afterUnblocking(afterHearingOf(this.ledger.head(stream), first.version)));
  }

  private async skip(first: ParkedRow, { stream, requestId, reason }: Action, tx: Tx): Promise<void | 'forked'> {
    if (first.code === 'HISTORY_FORKED') return 'forked';
    const event = await this.ledger.rows.readParked(first, this.ledger.me.partitions);
    await this.ledger.unpark(stream, [first.version]);
    const head = this.ledger.head(stream);
    // What never came is passed over as a whole, up to what waits behind it.
    const next = Math.min(...this.ledger.waitingIn(stream).keys(), head.told + 1);
    const version = event === null ? Math.max(first.version, next - 1) : first.version;
    const told = Math.max(head.told, version);
    this.ledger.move(stream, afterUnblocking({ ...head, version, told, eventId: event?.id ?? null }));
    this.ledger.tell(ParkedEventSkipped, { stream, version: first.version, reason, requestId }, { tx });
  }

  private async reload({ stream, requestId, reason }: Action, tx: Tx): Promise<void> {
    const { told, version } = this.ledger.head(stream);
    await this.ledger.unpark(stream, 'all');
    this.ledger.move(stream, { ...unknownStream, told: Math.max(told, version), state: 'gap' });
    this.ledger.tell(ParkedStreamReloaded, { stream, reason, requestId }, { tx });
  }
}
