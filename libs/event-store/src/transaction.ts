import type { Instant, TopicContract } from '@holdfast/contracts';
import { invariant } from '@holdfast/kernel';
import { currentTraceparent } from '@holdfast/observability';
import type { ClientBase, QueryResultRow } from 'pg';
import type { StagedStream } from './append';
import { type CheckedEvent, checkEvent, checkStreamKey } from './event-check';
import type { EventContext, EventMeta, NewEvent } from './events';
import { storeErrorOf } from './sql-errors';
import { uuidV5, uuidV7 } from './uuid';

/** One entry of the transaction's one append. */
export interface NewEvents {
  readonly stream: string;
  /** The Kafka record key, fixed at the stream's birth; later ones are not looked at. */
  readonly partitionKey: string;
  /** n: exactly; 0: must not exist; -1: must exist; null: any. */
  readonly expected: number | null;
  readonly events: readonly NewEvent[];
}

/** One open transaction under the service's own role, at READ COMMITTED. */
export interface Tx {
  // Rows have the shape that the SQL beside the call gives them; a guess by each caller would prove no more.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  query<R = any>(sql: string, values?: unknown[]): Promise<R[]>;
  /** Written at commit. null takes the timer away. */
  setTimer(stream: string, name: string, dueAt: Instant | null, command: object): void;
  /** Written by the transaction's one es.append, at the end: all streams or none. Gives the events as stored. */
  append(entry: NewEvents): readonly NewEvent[];
  /** Called once this transaction has committed, and never if it does not. */
  onCommit(listener: () => void): void;
  /** The same transaction, for what another event or request leads to. */
  inContext(context: EventContext): Tx;
  readonly context: EventContext;
}

/** What a bound decider knows of one stream in this transaction. */
export interface FoldedStream {
  readonly state: unknown;
  /** With what this transaction appends. */
  readonly version: number;
  /** The version that it was read at, or believed at from the cache. */
  readonly base: number;
  /** Called once it is known how the transaction ended. */
  settle(outcome: 'committed' | 'conflict'): void;
  /** Written with the events, when it is time for one. */
  readonly snapshot?: { shape: string };
}

export interface TimerChange {
  readonly stream: string;
  readonly name: string;
  readonly dueAt: Instant | null;
  readonly command: object;
  /** Of whoever set it: what the timer leads to belongs to the same story. */
  readonly context: EventContext;
}

interface Pending extends Omit<StagedStream, 'events'> {
  readonly events: { readonly event: CheckedEvent; readonly context: EventContext }[];
}

/** All that a transaction gathers until it ends; shared by its contexts. */
export class Gathered {
  readonly streams = new Map<string, Pending>();
  readonly timers = new Map<string, TimerChange>();
  readonly folded = new Map<string, FoldedStream>();
  readonly commitListeners: (() => void)[] = [];

  /** What es.append gets. Ids are given here, for only now it is known which event is a stream's last. */
  seal(key: string | undefined): StagedStream[] {
    const streams = [...this.streams.values()].map(({ events, ...stream }) => ({
      ...stream,
      events: events.map(({ event, context }) => ({ ...event, context, id: event.id ?? uuidV7() })),
    }));
    const first = streams[0]?.events[0];
    const bearer = streams[0]?.events.at(-1);
    // es.append knows a call again by the last id of a stream: there the caller's key stands.
    if (key !== undefined && bearer !== undefined) bearer.id = uuidV5(key);

    return streams.map(({ events, ...stream }) => ({
      ...stream,
      events: events.map(({ context, ...event }) => ({ ...event, meta: metaOf(context, first?.id ?? event.id) })),
    }));
  }
}

/** Born of a sample, an event has nothing before it: the transaction's first is the beginning of its story. */
function metaOf(context: EventContext, beginning: string): EventMeta {
  return {
    ...context,
    correlationId: context.correlationId ?? beginning,
    causationId: context.causationId ?? beginning,
  };
}

export class Transaction implements Tx {
  constructor(
    private readonly way: { readonly client: ClientBase; readonly topic: TopicContract },
    readonly gathered: Gathered,
    readonly context: EventContext,
  ) {}

  static of(tx: Tx): Transaction {
    invariant(tx instanceof Transaction, 'a decider appends in a transaction of its own store');
    return tx;
  }

  inContext(context: EventContext): Transaction {
    return new Transaction(this.way, this.gathered, context);
  }

  async query<R>(sql: string, values: unknown[] = []): Promise<R[]> {
    try {
      const { rows } = await this.way.client.query<QueryResultRow>(sql, values);
      return rows as R[];
    } catch (error) {
      throw storeErrorOf(error);
    }
  }

  // eslint-disable-next-line no-restricted-syntax -- reads as a sentence: this stream's timer, by name, at, does
  setTimer(stream: string, name: string, dueAt: Instant | null, command: object): void {
    const { correlationId, causationId, traceparent = currentTraceparent() } = this.context;
    const context = { correlationId, causationId, traceparent };
    this.gathered.timers.set(`${stream} ${name}`, { stream, name, dueAt, command, context });
  }

  onCommit(listener: () => void): void {
    this.gathered.commitListeners.push(listener);
  }

  append({ stream, partitionKey, expected, events }: NewEvents): CheckedEvent[] {
    checkStreamKey(stream, this.way.topic);
    const checked = events.map((event) => checkEvent(event, this.way.topic));
    if (checked.length === 0) return [];

    const staged: Pending = this.gathered.streams.get(stream) ?? { stream, partitionKey, expected, events: [] };
    const reached = staged.expected === null ? null : Math.max(staged.expected, 0) + staged.events.length;
    invariant(
      staged.events.length === 0 || expected === null || reached === null || expected === reached,
      `${stream} is at ${reached} in this transaction, not at ${expected}`,
    );
    const context = { ...this.context, traceparent: this.context.traceparent ?? currentTraceparent() };
    for (const event of checked) staged.events.push({ event, context });
    this.gathered.streams.set(stream, staged);
    return checked;
  }
}
