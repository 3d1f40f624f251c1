import { allTopics, type TopicContract } from '@holdfast/contracts';
import { invariant } from '@holdfast/kernel';
import { counter, currentTraceparent, histogram, inSpan, storyAttributes } from '@holdfast/observability';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { DataSource } from 'typeorm';
import { append, type StagedStream } from './append';
import { changeSchema, dataSourceOf, type OwnTables, poolOf } from './connection';
import { writeAll } from './ending';
import { StoreRegressed, StoreUnavailable, StreamConflict } from './errors';
import type { EventContext, StoredEvent } from './events';
import { type Asker, Reading } from './reading';
import { isDeadlock, storeErrorOf } from './sql-errors';
import { Session } from './session';
import { Gathered, Transaction, type Tx } from './transaction';
import { uuidV5 } from './uuid';

export interface TransactionOptions {
  /** The caller's idempotency key: under a known one nothing is written again. */
  key?: string;
  context?: EventContext;
  /** How often a lost race is run again before the caller gets `STREAM_CONFLICT`. */
  retries?: number;
}

export interface Committed<T> {
  readonly outcome: 'committed' | 'repeated';
  readonly value: T;
}

/** Closed while it is not known whether this store still holds all that it once published. */
export interface AppendGate {
  open: boolean;
  reason?: string;
  /** `pg_postmaster_start_time()` of the server that was looked at: a later one is not trusted before its own look. */
  since?: string;
}

/** How long a lost connection is tried again before the caller hears of it. */
const PATIENCE_MS = 5_000;

/** One service's part of the log: its streams, its own rows, and the one way to change both together. */
export class EventStore {
  appendGate: AppendGate = { open: true };
  private readonly appendedListeners: (() => void)[] = [];
  private readonly timerListeners: (() => void)[] = [];
  private readonly reading: Reading;

  private constructor(
    readonly service: string,
    private readonly topic: TopicContract,
    readonly dataSource: DataSource,
  ) {
    this.reading = new Reading(topic.context, this);
  }

  /** Logs in under the service's own role, whatever user the url names, and brings its schema up to date. */
  static async connect(options: { url: string; service: string; tables?: OwnTables }): Promise<EventStore> {
    const { url, service, tables } = options;
    const topic = allTopics.find(({ owner, stored }) => stored && owner === service);
    invariant(topic !== undefined, `no stored topic belongs to ${service}`);
    const dataSource = dataSourceOf(url, service, tables);
    try {
      await dataSource.initialize();
      await changeSchema(dataSource);
    } catch (error) {
      if (dataSource.isInitialized) await dataSource.destroy();
      throw storeErrorOf(error);
    }
    return new EventStore(service, topic, dataSource);
  }

  get context(): string {
    return this.topic.context;
  }

  get pool(): Pool {
    return poolOf(this.dataSource);
  }

  /** Outside of any transaction. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in Tx
  async query<R = any>(sql: string, values: unknown[] = []): Promise<R[]> {
    try {
      return (await this.pool.query(sql, values)).rows as R[];
    } catch (error) {
      throw storeErrorOf(error);
    }
  }

  /**
   * Runs the work and writes all that it gathered, or nothing. A lost race runs it again on what stands now; after a lost
   * connection the ids tell whether it was written. So the work changes nothing but through its `tx`.
   */
  async inTransaction<T>(work: (tx: Tx) => Promise<T>, options: TransactionOptions = {}): Promise<Committed<T>> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (let races = 0, pauseMs = 20; ;) {
      try {
        return await this.attempt(work, options);
      } catch (error) {
        if (isRace(error) && races < (options.retries ?? 5)) {
          races += 1;
          conflicts().inc();
        } else if (error instanceof StoreUnavailable && this.appendGate.open && performance.now() < giveUpAt) {
          await sleep(pauseMs);
          pauseMs = Math.min(pauseMs * 2, 500);
        } else throw error;
      }
    }
  }

  read(stream: string, fromVersion = 1, toVersion = Number.MAX_SAFE_INTEGER): Promise<StoredEvent[]> {
    return this.reading.events(stream, [fromVersion, toVersion]);
  }

  /** As `read`, and inside a transaction where `via` is one. */
  eventsOf(stream: string, range: [number, number], via: Asker = this): Promise<StoredEvent[]> {
    return this.reading.events(stream, range, via);
  }

  /** 0: there is no such stream. */
  async headVersion(stream: string): Promise<number> {
    return (await this.reading.versions([stream])).get(stream) ?? 0;
  }

  /** All streams `<prefix>-…`, by key. */
  streams(prefix: string): Promise<{ key: string; version: number }[]> {
    return this.reading.streams(prefix);
  }

  /** Puts these events on their way once more. How many are, which is at most 10,000 a call. */
  async resend(stream: string, from: number, to: number): Promise<number> {
    const [row] = await this.query<{ sent: number }>('select es.resend($1, $2, $3) as sent', [stream, from, to]);
    callAll(this.appendedListeners);
    return row?.sent ?? 0;
  }

  outbox(): Promise<{ pending: number; oldestMs: number }> {
    return this.reading.unsent();
  }

  /** Called after each commit that leaves something to send. */
  onAppended(listener: () => void): void {
    this.appendedListeners.push(listener);
  }

  /** Called after each commit that set or took away a timer. */
  onTimerSet(listener: () => void): void {
    this.timerListeners.push(listener);
  }

  async close(): Promise<void> {
    await this.dataSource.destroy();
  }

  private async attempt<T>(work: (tx: Tx) => Promise<T>, options: TransactionOptions): Promise<Committed<T>> {
    const session = await Session.begin(this.pool);
    const tx = new Transaction({ client: session.client, topic: this.topic }, new Gathered(), options.context ?? {});
    try {
      const value = await work(tx);
      const outcome = await this.end(session, tx, options.key);
      if (outcome === 'committed') this.settle(tx);
      return { outcome, value };
    } catch (thrown) {
      const error = session.lost ?? storeErrorOf(thrown);
      // Whatever was believed of these streams is read anew.
      if (isRace(error)) for (const folded of tx.gathered.folded.values()) folded.settle('conflict');
      throw error;
    } finally {
      await session.end();
    }
  }

  private async end(
    session: Session,
    tx: Transaction,
    key: string | undefined,
  ): Promise<Committed<unknown>['outcome']> {
    const call = tx.gathered.seal(key);
    if (call.length > 0) this.checkGate(session.serverStartedAt);
    const stopWatch = appendSeconds().startTimer();
    const written = await this.write(session, tx, call);
    const known = key !== undefined && call.length === 0 && (await this.reading.has(uuidV5(key), tx));
    if (!written || known) return 'repeated';

    if (!(await session.commit()) && !(await this.wasWritten(call)))
      throw new StoreUnavailable('the connection was lost, and nothing was written');
    stopWatch();
    return 'committed';
  }

  /** The append stands beside the first decision that it carries, and is linked to the others of its batch. */
  private write({ client }: Session, tx: Transaction, call: StagedStream[]): Promise<boolean> {
    const work = () => writeAll(client, tx, { call, reading: this.reading });
    if (call.length === 0) return work();
    const decisions = call.flatMap(({ events }) => events.map(({ meta }) => meta.traceparent));
    const parent = currentTraceparent() ?? decisions[0];
    const links = [...new Set(decisions)].filter((decision) => decision !== parent);
    return inSpan('append', { kind: 'client', parent, links, attributes: attributesOf(call) }, work);
  }

  /** The connection was lost during commit. The same call again tells: all ids there, or none. */
  private async wasWritten(call: readonly StagedStream[]): Promise<boolean> {
    if (call.length === 0) return false;
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        const session = await Session.begin(this.pool);
        // Rolled back in any case. A commit still under way holds the heads: this waits for it.
        const verdicts = await append(session.client, call).finally(() => session.end());
        return verdicts.every(({ outcome }) => outcome === 'repeated');
      } catch (thrown) {
        const error = storeErrorOf(thrown);
        if (!(error instanceof StoreUnavailable) || performance.now() > giveUpAt) throw error;
        await sleep(50);
      }
    }
  }

  private settle(tx: Transaction): void {
    for (const folded of tx.gathered.folded.values()) folded.settle('committed');
    callAll(tx.gathered.commitListeners);
    if (tx.gathered.streams.size > 0) callAll(this.appendedListeners);
    if (tx.gathered.timers.size > 0) callAll(this.timerListeners);
  }

  private checkGate(serverStartedAt: string): void {
    const { open, reason = 'the store is being looked at', since = serverStartedAt } = this.appendGate;
    if (!open && reason === 'STORE_REGRESSED')
      throw new StoreRegressed('this store lacks events that it once published');
    if (!open) throw new StoreUnavailable(reason);
    if (since !== serverStartedAt) throw new StoreUnavailable('PostgreSQL was restarted and is not looked at yet');
  }
}

function callAll(listeners: readonly (() => void)[]): void {
  for (const listener of listeners) listener();
}

function isRace(error: unknown): boolean {
  return error instanceof StreamConflict || isDeadlock(error);
}

function attributesOf(call: readonly StagedStream[]) {
  return {
    ...storyAttributes({ correlationId: call[0]?.events[0]?.meta.correlationId }),
    'holdfast.streams': call.map(({ stream }) => stream),
    'holdfast.events': call.reduce((sum, { events }) => sum + events.length, 0),
  };
}

const conflicts = () => counter('append_conflicts_total', 'Transactions run again because another writer was first');
const appendSeconds = () => histogram('append_seconds', 'From the append of a transaction to the end of its commit');
