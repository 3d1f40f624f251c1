import { ParkedStreamResumed, type EventContract } from '@holdfast/contracts';
import type { Tx } from '@holdfast/event-store';
import { InboxRows, type ParkedCode, type ParkedRow } from './inbox-rows';
import type { EventHandlers } from './received';
import type { Hole } from './replay-asker';
import { firstHole, unknownStream, type StreamHead } from './stream-head';
import type { IncomingEvent, RawRecord } from './wire';

/** Who the inbox is, the same for each run. */
export interface InboxIdentity {
  service: string;
  consumer: string;
  partitions: number;
  handlersOf(stream: string): EventHandlers;
}

/** Under which request, or in which context, something is told. */
interface Telling {
  requestId?: string | undefined;
  tx?: Tx;
}

/** Where the streams of one transaction are, what waits in them, and what is told of them. */
export class InboxLedger {
  readonly rows: InboxRows;
  readonly seenAt = new Map<string, { partition: number; partitionKey?: string }>();
  private readonly heads = new Map<string, StreamHead>();
  private readonly changed = new Map<string, StreamHead>();
  /** What waits in each stream, by version. */
  private readonly waiting = new Map<string, Map<number, ParkedRow>>();

  constructor(
    readonly tx: Tx,
    readonly me: InboxIdentity,
  ) {
    this.rows = new InboxRows(tx, me.consumer);
  }

  write(): Promise<void> {
    return this.rows.writeHeads(this.changed);
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

  async lock(streams: readonly string[]): Promise<void> {
    const unknown = streams.filter((stream) => !this.heads.has(stream));
    if (unknown.length === 0) return;
    const heads = await this.rows.lockHeads(unknown);
    for (const [stream, head] of heads) this.heads.set(stream, head);
    const stopped = [...heads].filter(([, { state }]) => state !== 'flowing').map(([stream]) => stream);
    if (stopped.length === 0) return;
    for (const row of await this.rows.parkedOf(stopped)) {
      this.waitingIn(row.stream).set(row.version, row);
    }
  }

  async park(record: Parkable, why: { code: ParkedCode; message: string; attempts: number }): Promise<void> {
    const { stream, version } = record;
    await this.rows.park({ ...record, ...why });
    const known = this.waitingIn(stream).get(version);
    if (known !== undefined && why.code === 'BEHIND') return;
    this.waitingIn(stream).set(version, { ...record, ...why, parkedAt: known?.parkedAt ?? new Date() });
  }

  async unpark(stream: string, versions: readonly number[] | 'all'): Promise<void> {
    await this.rows.unpark(stream, versions);
    if (versions === 'all') this.waitingIn(stream).clear();
    else for (const version of versions) this.waitingIn(stream).delete(version);
  }

  tellResumed(stream: string, row: ParkedRow, events: number): void {
    const requestId = row.code === 'RETRIED' ? row.message : undefined;
    const throughVersion = Math.max(this.head(stream).version, 1);
    const parkedMs = Math.max(0, Date.now() - row.parkedAt.getTime());
    const data = { throughVersion, events, parkedMs, ...(requestId ? { requestId } : {}) };
    this.tell(ParkedStreamResumed, { stream, ...data }, { requestId });
  }

  /** On the inbox's own stream. What answers a request carries its id as correlation. */
  tell(
    contract: EventContract,
    about: { stream: string; [field: string]: unknown },
    { requestId, tx }: Telling = {},
  ): void {
    const { service, consumer } = this.me;
    const scope = tx ?? (requestId ? this.tx.inContext({ correlationId: requestId, causationId: requestId }) : this.tx);
    scope.append({
      stream: `inbox-${service}-${consumer}`,
      partitionKey: service,
      expected: null,
      events: [{ type: contract.type, data: { service, consumer, ...about } }],
    });
  }

  head(stream: string): StreamHead {
    return this.heads.get(stream) ?? unknownStream;
  }

  move(stream: string, head: StreamHead): void {
    this.heads.set(stream, head);
    this.changed.set(stream, head);
  }

  waitingIn(stream: string): Map<number, ParkedRow> {
    const found = this.waiting.get(stream) ?? new Map<number, ParkedRow>();
    this.waiting.set(stream, found);
    return found;
  }
}

/** A record with what the parked table keeps of it. */
export interface Parkable {
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

export function parkable(event: IncomingEvent, raw: RawRecord): Parkable {
  const { stream, version, id: eventId, type } = event;
  const { topic, partition, offset, headers, key, value, timestamp } = raw;
  return { stream, version, eventId, type, topic, partition, offset, headers, key: String(key), value, timestamp };
}

/** A row for an event that never came. */
export function placeless(at: { stream: string; topic: string; partition: number }, version: number): Parkable {
  const { stream, topic, partition } = at;
  return { stream, topic, partition, version, offset: '0', headers: {}, key: null, value: null, timestamp: '0' };
}
