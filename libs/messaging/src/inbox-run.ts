import {
  EventParked,
  ParkedEventActionRejected,
  ParkedEventSkipped,
  ParkedStreamReloaded,
  ParkedStreamResumed,
  type EventContract,
  type ParkCode,
} from '@holdfast/contracts';
import type { Tx } from '@holdfast/event-store';
import { currentTraceparent, inSpan } from '@holdfast/observability';
import {
  lockHeads,
  markRetried,
  park,
  parkedOf,
  readParked,
  unpark,
  writeHeads,
  type ParkedCode,
  type ParkedRow,
} from './inbox-rows';
import { judgeEvent, type EventHandlers, type Received } from './received';
import type { Hole } from './replay-asker';
import {
  afterApplying,
  afterBlocking,
  afterHearingOf,
  afterUnblocking,
  firstHole,
  unknownStream,
  verdictOn,
  type StreamHead,
} from './stream-head';
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
}

/** Who the inbox is, the same for each run. */
export interface InboxIdentity {
  service: string;
  consumer: string;
  partitions: number;
  handlersOf(stream: string): EventHandlers;
}

type Scoped = { requestId?: string | undefined };
type Action = {
  service: string;
  consumer: string;
  stream: string;
  version: number;
  requestId: string;
  reason?: string;
};

/**
 * One transaction of the inbox: heads are locked, items applied in the order of arrival, heads written. Seen-mark,
 * effect and outgoing events commit together or not at all, so whoever comes second finds all seen.
 */
export class InboxRun {
  /** Streams whose parked events may be applied once this has committed. */
  readonly drainAfter = new Set<string>();
  /** The event whose handler is running: it is to blame for what is thrown. */
  current: { stream: string; version: number } | undefined;
  private heads = new Map<string, StreamHead>();
  private readonly changed = new Map<string, StreamHead>();
  /** What waits in each stream, by version. */
  private readonly waiting = new Map<string, Map<number, ParkedRow>>();
  private readonly seenAt = new Map<string, { partition: number; partitionKey?: string }>();

  constructor(
    private readonly tx: Tx,
    private readonly me: InboxIdentity,
    /** Events that were found impossible to apply: they block their streams. */
    private readonly faults: ReadonlyMap<string, Fault>,
  ) {}

  async take(items: readonly InboxItem[]): Promise<void> {
    await this.lock([...new Set(items.map(({ stream }) => stream))]);
    for (const item of items) await this.takeOne(item);
    await writeHeads(this.tx, this.me.consumer, this.changed);
  }

  /** What is missing now in each stream that this run met; null: nothing. */
  holes(): [string, Hole | null][] {
    return [...this.heads].map(([stream, head]) => {
      const hole = firstHole(head, [...this.waitingIn(stream).keys()]);
      const [waiting] = this.waitingIn(stream).values();
      const place = this.seenAt.get(stream) ?? { partition: waiting?.partition ?? 0 };
      return [stream, hole && { ...hole, ...place }];
    });
  }

  private async lock(streams: readonly string[]): Promise<void> {
    const unknown = streams.filter((stream) => !this.heads.has(stream));
    if (unknown.length === 0) return;
    const heads = await lockHeads(this.tx, this.me.consumer, unknown);
    for (const [stream, head] of heads) this.heads.set(stream, head);
    const stopped = [...heads].filter(([, { state }]) => state !== 'flowing').map(([stream]) => stream);
    if (stopped.length === 0) return;
    for (const row of await parkedOf(this.tx, this.me.consumer, stopped)) {
      this.waitingIn(row.stream).set(row.version, row);
    }
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
        const { state, version: at } = this.head(item.stream);
        // The answer to an older question says nothing about today's.
        if (state !== 'gap' || item.fromVersion !== at + 1) return;
        const version = at + 1;
        return this.block(placeless(item, version), { version, code: 'HISTORY_MISSING', attempts: 0, ...item });
      }
    }
  }

  private async takeEvent({ stream, event, raw }: { stream: string; event: IncomingEvent; raw: RawRecord }) {
    const { partition, partitionKey, version } = event;
    this.seenAt.set(stream, { partition, partitionKey });
    const head = this.head(stream);
    switch (verdictOn(head, event)) {
      case 'seen':
        return;
      case 'forked': {
        if (head.state === 'blocked') return;
        const message = `another event stands at version ${version}`;
        return this.block(parkable(event, raw), { version, code: 'HISTORY_FORKED', message, attempts: 0 });
      }
      case 'wait':
        await this.park(parkable(event, raw), { code: 'BEHIND', message: 'it waits for its turn', attempts: 0 });
        return this.move(stream, afterHearingOf(head, version));
      case 'apply':
        // It may be parked too, retried and not yet drained: then the parked one goes first, and this was seen.
        if (this.waitingIn(stream).has(version) || (await this.apply(event, parkable(event, raw)))) {
          await this.drain(stream);
        }
    }
  }

  private async takeHead(told: Extract<InboxItem, { kind: 'told' }>): Promise<void> {
    const { stream, version, eventId, partition } = told;
    const head = this.head(stream);
    if (!this.seenAt.has(stream)) this.seenAt.set(stream, { partition });
    if (version === head.version && head.eventId !== null && head.eventId !== eventId && head.state !== 'blocked') {
      const message = `its owner has another event at version ${version}`;
      return this.block(placeless(told, version), { version, code: 'HISTORY_FORKED', message, attempts: 0 });
    }
    this.move(stream, afterHearingOf(head, version));
  }

  /** Applies what waited, as far as nothing is missing. */
  private async drain(stream: string): Promise<void> {
    let resumed: { row: ParkedRow; events: number } | undefined;
    for (;;) {
      const head = this.head(stream);
      const row = head.state === 'gap' ? this.waitingIn(stream).get(head.version + 1) : undefined;
      if (row === undefined) break;
      const event = await readParked(this.tx, this.me.consumer, row, this.me.partitions);
      if (
        event === null ||
        !(await this.apply(event, { ...placeless(row, row.version), eventId: event.id, type: event.type }))
      )
        return;
      await this.unpark(stream, [row.version]);
      if (row.code !== 'BEHIND') resumed ??= { row, events: 0 };
      if (resumed) resumed.events++;
    }
    if (resumed !== undefined) this.tellResumed(stream, resumed.row, resumed.events);
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
    this.move(stream, afterApplying(this.head(stream), event));
    return true;
  }

  private async handle(event: Received): Promise<void> {
    const handlers = { ...this.me.handlersOf(event.stream) } as Record<string, Handler | undefined>;
    const wanted = [this.ownHandler(event), handlers[event.type], handlers['*']].filter((one) => one !== undefined);
    if (wanted.length === 0) return;
    const actor = (event.data as { actor?: object }).actor;
    const { correlationId, traceparent } = event.meta;
    const tx = this.tx.inContext({ correlationId, causationId: event.id, ...(actor ? { actor } : {}) });
    const attributes = { 'holdfast.stream': event.stream, 'holdfast.version': event.version };
    await inSpan(`process ${event.type}`, { kind: 'consumer', parent: traceparent, attributes }, async () => {
      // What is decided here begins the next step of the story: a trace of its own, linked to this span.
      const next = { root: true, links: [currentTraceparent()] };
      for (const handler of wanted) await inSpan(`react to ${event.type}`, next, async () => handler(event, tx));
    });
  }

  private async block(record: Parkable, fault: Fault): Promise<void> {
    const { code, attempts } = fault;
    const message = fault.message.slice(0, 1_000);
    const retried = this.waitingIn(record.stream).get(record.version);
    const requestId = retried?.code === 'RETRIED' ? retried.message : undefined;
    await this.park(record, { code, message, attempts });
    this.move(record.stream, afterBlocking(this.head(record.stream)));
    const { version, eventId = null, type = null } = record;
    this.tell(EventParked, record.stream, { version, eventId, type, code, message, attempts }, { requestId });
  }

  private async park(record: Parkable, why: { code: ParkedCode; message: string; attempts: number }): Promise<void> {
    const { stream, version } = record;
    await park(this.tx, this.me.consumer, { ...record, ...why });
    const known = this.waitingIn(stream).get(version);
    if (known !== undefined && why.code === 'BEHIND') return;
    this.waitingIn(stream).set(version, { ...record, ...why, parkedAt: known?.parkedAt ?? new Date() });
  }

  private async unpark(stream: string, versions: readonly number[] | 'all'): Promise<void> {
    await unpark(this.tx, this.me.consumer, stream, versions);
    if (versions === 'all') this.waitingIn(stream).clear();
    else for (const version of versions) this.waitingIn(stream).delete(version);
  }

  /** The inbox's own part of `holdfast.requests`: what people want done with a blocked stream of this consumer. */
  private ownHandler({ type, data }: Received): Handler | undefined {
    const action = data as Action;
    if (action.service !== this.me.service || action.consumer !== this.me.consumer) return undefined;
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
    await this.lock([stream]);
    const [first] = [...this.waitingIn(stream).values()].sort((a, b) => a.version - b.version);
    const reject = (reason: string) => this.tell(ParkedEventActionRejected, stream, { requestId, reason }, { tx });
    if (this.head(stream).state !== 'blocked' || first === undefined) return reject('notParked');
    if (first.version !== version) return reject('notFirst');
    if ((await work(first)) === 'forked') return reject('forked');
    this.drainAfter.add(stream);
  }

  private async retry(first: ParkedRow, { stream, requestId }: Action): Promise<void | 'forked'> {
    if (first.code === 'HISTORY_FORKED') return 'forked';
    if (first.code === 'HISTORY_MISSING') {
      // Nothing came, so there is nothing to apply: it is asked for again.
      await this.unpark(stream, [first.version]);
      this.tellResumed(stream, { ...first, message: requestId, code: 'RETRIED' }, 0);
    } else {
      await markRetried(this.tx, this.me.consumer, first, requestId);
      first.code = 'RETRIED';
      first.message = requestId;
    }
    this.move(stream, afterUnblocking(afterHearingOf(this.head(stream), first.version)));
  }

  private async skip(first: ParkedRow, { stream, requestId, reason }: Action, tx: Tx): Promise<void | 'forked'> {
    if (first.code === 'HISTORY_FORKED') return 'forked';
    const event = await readParked(this.tx, this.me.consumer, first, this.me.partitions);
    await this.unpark(stream, [first.version]);
    const head = this.head(stream);
    // What never came is passed over as a whole, up to what waits behind it.
    const next = Math.min(...this.waitingIn(stream).keys(), head.told + 1);
    const version = event === null ? Math.max(first.version, next - 1) : first.version;
    const told = Math.max(head.told, version);
    this.move(stream, afterUnblocking({ ...head, version, told, eventId: event?.id ?? null }));
    this.tell(ParkedEventSkipped, stream, { version: first.version, reason, requestId }, { tx });
  }

  private async reload({ stream, requestId, reason }: Action, tx: Tx): Promise<void> {
    const { told, version } = this.head(stream);
    await this.unpark(stream, 'all');
    this.move(stream, { ...unknownStream, told: Math.max(told, version), state: 'gap' });
    this.tell(ParkedStreamReloaded, stream, { reason, requestId }, { tx });
  }

  private tellResumed(stream: string, row: ParkedRow, events: number): void {
    const requestId = row.code === 'RETRIED' ? row.message : undefined;
    const throughVersion = Math.max(this.head(stream).version, 1);
    const parkedMs = Math.max(0, Date.now() - row.parkedAt.getTime());
    const data = { throughVersion, events, parkedMs, ...(requestId ? { requestId } : {}) };
    this.tell(ParkedStreamResumed, stream, data, { requestId });
  }

  /** On the inbox's own stream. What answers a request carries its id as correlation. */
  private tell(contract: EventContract, stream: string, data: object, { requestId, tx }: Scoped & { tx?: Tx }): void {
    const { service, consumer } = this.me;
    const scope = tx ?? (requestId ? this.tx.inContext({ correlationId: requestId, causationId: requestId }) : this.tx);
    scope.append({
      stream: `inbox-${service}-${consumer}`,
      partitionKey: service,
      expected: null,
      events: [{ type: contract.type, data: { service, consumer, stream, ...data } }],
    });
  }

  private head(stream: string): StreamHead {
    return this.heads.get(stream) ?? unknownStream;
  }

  private move(stream: string, head: StreamHead): void {
    this.heads.set(stream, head);
    this.changed.set(stream, head);
  }

  private waitingIn(stream: string): Map<number, ParkedRow> {
    const found = this.waiting.get(stream) ?? new Map<number, ParkedRow>();
    this.waiting.set(stream, found);
    return found;
  }
}

type Handler = (event: Received, tx: Tx) => Promise<unknown> | void;

/** A record with what the parked table keeps of it. */
interface Parkable {
  stream: string;
  version: number;
  topic: string;
  partition: number;
  offset: string;
  headers: RawRecord['headers'];
  key: string | null;
  value: Buffer | null;
  timestamp: string;
  eventId?: string;
  type?: string;
}

function parkable(event: IncomingEvent, raw: RawRecord): Parkable {
  const { stream, version, id: eventId, type } = event;
  const { topic, partition, offset, headers, key, value, timestamp } = raw;
  return { stream, version, eventId, type, topic, partition, offset, headers, key: String(key), value, timestamp };
}

/** A row for an event that never came. */
function placeless(at: { stream: string; topic: string; partition: number }, version: number): Parkable {
  const { stream, topic, partition } = at;
  return { stream, topic, partition, version, offset: '0', headers: {}, key: null, value: null, timestamp: '0' };
}
