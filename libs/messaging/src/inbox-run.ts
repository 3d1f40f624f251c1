import { EventParked, subjectsOf, type ParkCode } from '@holdfast/contracts';
import type { Tx } from '@holdfast/event-store';
import { currentTraceparent, inSpan, storyAttributes } from '@holdfast/observability';
import { ParkedActions, type Handler } from './inbox-actions';
import { InboxLedger, parkable, placeless, type InboxIdentity, type Parkable } from './inbox-ledger';
import type { ParkedRow } from './inbox-rows';
import { judgeEvent, type Received } from './received';
import { afterApplying, afterBlocking, afterHearingOf, verdictOn } from './stream-head';
import type { IncomingEvent, RawRecord } from './wire';

/** One thing that a batch says about a stream. */
export type InboxItem =
  | { kind: 'event'; stream: string; event: IncomingEvent; raw: RawRecord }
  | { kind: 'told'; stream: string; version: number; eventId: string; topic: string; partition: number; offset: string }
  /** What waited may have its turn. */
  | { kind: 'drain'; stream: string }
  /** The owner will not send what is missing. */
  | { kind: 'refused'; stream: string; message: string; topic: string; partition: number; fromVersion: number };

export interface Fault {
  version: number;
  code: ParkCode;
  message: string;
  attempts: number;
  /** To be written without a word of what was sent: with it, it could not be. */
  bare?: boolean;
}

/**
 * One transaction of the inbox: heads are locked, items applied in the order of arrival, heads written. Seen-mark,
 * effect and outgoing events commit together or not at all, so whoever comes second finds all seen.
 */
export class InboxRun {
  /** The event whose handler is running: it is to blame for what is thrown. */
  current: { stream: string; version: number } | undefined;
  readonly ledger: InboxLedger;
  readonly actions: ParkedActions;

  constructor(
    private readonly tx: Tx,
    private readonly me: InboxIdentity,
    /** Events that were found impossible to apply: they block their streams. */
    private readonly faults: ReadonlyMap<string, Fault>,
  ) {
    this.ledger = new InboxLedger(tx, me);
    this.actions = new ParkedActions(this.ledger);
  }

  async take(items: readonly InboxItem[]): Promise<void> {
    await this.ledger.lock([...new Set(items.map(({ stream }) => stream))]);
    for (const item of items) await this.takeOne(item);
    await this.ledger.write();
  }

  private async takeOne(item: InboxItem): Promise<void> {
    switch (item.kind) {
      case 'event':
        return this.takeEvent(item);
      case 'told':
        return this.takeHead(item);
      case 'drain':
        return this.drain(item.stream);
      case 'refused': {
        const { state, version: at } = this.ledger.head(item.stream);
        // The answer to an older question says nothing about today's.
        if (state !== 'gap' || item.fromVersion !== at + 1) return;
        const version = at + 1;
        const { message } = item;
        return this.block(placeless(item, version), { version, code: 'HISTORY_MISSING', message, attempts: 0 });
      }
    }
  }

  private async takeEvent({ stream, event, raw }: { stream: string; event: IncomingEvent; raw: RawRecord }) {
    const { partition, partitionKey, version } = event;
    this.ledger.seenAt.set(stream, { partition, partitionKey });
    const head = this.ledger.head(stream);
    switch (verdictOn(head, event)) {
      case 'seen':
        return;
      case 'forked': {
        if (head.state === 'blocked') return;
        const message = `another event stands at version ${version}`;
        return this.block(parkable(event, raw), { version, code: 'HISTORY_FORKED', message, attempts: 0 });
      }
      case 'wait':
        await this.ledger.park(parkable(event, raw), { code: 'BEHIND', message: 'it waits for its turn', attempts: 0 });
        return this.ledger.move(stream, afterHearingOf(head, version));
      case 'apply':
        // It may be parked too, retried and not yet drained: then the parked one goes first, and this was seen.
        if (this.ledger.waitingIn(stream).has(version) || (await this.apply(event, parkable(event, raw)))) {
          await this.drain(stream);
        }
    }
  }

  private async takeHead(told: Extract<InboxItem, { kind: 'told' }>): Promise<void> {
    const { stream, version, eventId, partition } = told;
    const head = this.ledger.head(stream);
    if (!this.ledger.seenAt.has(stream)) this.ledger.seenAt.set(stream, { partition });
    if (version === head.version && head.eventId !== null && head.eventId !== eventId && head.state !== 'blocked') {
      const message = `its owner has another event at version ${version}`;
      return this.block(placeless(told, version), { version, code: 'HISTORY_FORKED', message, attempts: 0 });
    }
    this.ledger.move(stream, afterHearingOf(head, version));
  }

  /** Applies what waited, as far as nothing is missing. */
  private async drain(stream: string): Promise<void> {
    let resumed: { row: ParkedRow; events: number } | undefined;
    for (;;) {
      const head = this.ledger.head(stream);
      const row = head.state === 'gap' ? this.ledger.waitingIn(stream).get(head.version + 1) : undefined;
      if (row === undefined) break;
      const event = await this.ledger.rows.readParked(row, this.me.partitions);
      if (
        event === null ||
        !(await this.apply(event, { ...placeless(row, row.version), eventId: event.id, type: event.type }))
      )
        return;
      await this.ledger.unpark(stream, [row.version]);
      if (row.code !== 'BEHIND') resumed ??= { row, events: 0 };
      if (resumed) resumed.events++;
    }
    if (resumed !== undefined) this.ledger.tellResumed(stream, resumed.row, resumed.events);
  }

  /** False: the event blocks its stream. */
  private async apply(event: IncomingEvent, record: Parkable): Promise<boolean> {
    const { stream, version } = event;
    const fault = this.faults.get(stream);
    const judged = judgeEvent(event);
    if (fault?.version === version || !judged.ok) {
      const why =
        fault?.version === version
          ? fault
          : { version, attempts: 0, ...(judged as { code: ParkCode; message: string }) };
      await this.block(record, why);
      return false;
    }
    this.current = { stream, version };
    await this.handle(judged.value);
    this.current = undefined;
    this.ledger.move(stream, afterApplying(this.ledger.head(stream), event));
    return true;
  }

  private async handle(event: Received): Promise<void> {
    const handlers = { ...this.me.handlersOf(event.stream) } as Record<string, Handler | undefined>;
    const wanted = [this.actions.handlerFor(event), handlers[event.type], handlers['*']].filter(
      (one) => one !== undefined,
    );
    if (wanted.length === 0) return;
    const actor = (event.data as { actor?: object }).actor;
    const { correlationId, traceparent } = event.meta;
    const tx = this.tx.inContext({ correlationId, causationId: event.id, ...(actor ? { actor } : {}) });
    const story = storyAttributes({ ...event.meta, subjects: subjectsOf(event) });
    const attributes = { ...story, 'holdfast.stream': event.stream, 'holdfast.version': event.version };
    await inSpan(`process ${event.type}`, { kind: 'consumer', parent: traceparent, attributes }, async () => {
      // What is decided here begins the next step of the story: a trace of its own, linked to this span.
      const next = { root: true, links: [currentTraceparent()], attributes: story };
      for (const handler of wanted) await inSpan(`react to ${event.type}`, next, async () => handler(event, tx));
    });
  }

  private async block(record: Parkable, fault: Fault): Promise<void> {
    const { code, attempts } = fault;
    const message = fault.message.slice(0, 1_000);
    const retried = this.ledger.waitingIn(record.stream).get(record.version);
    const requestId = retried?.code === 'RETRIED' ? retried.message : undefined;
    await this.ledger.park(record, { code, message, attempts });
    this.ledger.move(record.stream, afterBlocking(this.ledger.head(record.stream)));
    const { version, eventId = null, type = null } = fault.bare ? { version: record.version } : record;
    this.ledger.tell(
      EventParked,
      { stream: record.stream, version, eventId, type, code, message, attempts },
      { requestId },
    );
  }
}
