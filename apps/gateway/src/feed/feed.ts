import { contractOf, type Instant } from '@holdfast/contracts';
import type { EventStore, Tx } from '@holdfast/event-store';
import type { FeedEvent } from '../projections/projection';
import { Waiters } from './waiters';

/** What the inbox hands over of an event. */
export interface Heard {
  stream: string;
  version: number;
  id: string;
  at: string;
  type: string;
  schemaVersion: number;
  data: unknown;
  topic: string;
  source: string;
  meta: { correlationId?: string | undefined; causationId?: string | undefined; traceparent?: string | undefined };
}

export interface EventFilter {
  readonly subject?: string | undefined;
  readonly correlation?: string | undefined;
  readonly type?: string | undefined;
  /** Any of these. */
  readonly types?: readonly string[] | undefined;
  /** Only later positions. */
  readonly since?: number | undefined;
  /** Only positions up to this one. */
  readonly until?: number | undefined;
  readonly limit: number;
  /** The newest of those that fit, instead of the oldest. */
  readonly newest?: boolean;
}

/** A place in the feed, and when the gateway knew so much. */
export interface Moment {
  readonly position: number;
  readonly at: Instant;
}

/** One number for the lock under which positions are given: 1, 2, 3 … whoever holds it. */
const FEED_LOCK = 7480_0001;

/** A write takes milliseconds: a reader that waits longer gives its connection back, and is to ask again. */
const SETTLED_WITHIN_MS = 1_000;

/** A time as the API writes it. */
export const instantOf = (column: string): string =>
  `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const COLUMNS = `position, ${instantOf('known_at')} as "knownAt", topic, stream, version, id,
  ${instantOf('at')} as at, type, data, meta->>'correlationId' as "correlationId",
  meta->>'causationId' as "causationId"`;

/** Every event, in the order in which the gateway learned of it. */
export class Feed {
  private readonly waiters = new Waiters();

  constructor(private readonly store: EventStore) {}

  /** In the inbox's own transaction: the position is given, and seen, together with the seen-mark. */
  async append(event: Heard, tx: Tx): Promise<void> {
    await tx.query('select pg_advisory_xact_lock($1)', [FEED_LOCK]);
    const written = await tx.query<{ position: string }>(
      `insert into feed (position, known_at, topic, stream, version, id, at, type, schema_version, data, meta)
       select coalesce(max(position), 0) + 1, greatest(clock_timestamp(), max(known_at)), $1, $2, $3, $4, $5, $6, $7, $8, $9
       from feed on conflict (stream, version) do nothing returning position`,
      [
        event.topic,
        event.stream,
        event.version,
        event.id,
        event.at,
        event.type,
        contractOf(event.type)?.version ?? event.schemaVersion,
        JSON.stringify(event.data),
        JSON.stringify({ ...event.meta, source: event.source }),
      ],
    );
    const position = written[0]?.position;
    // A reloaded stream tells again what stands here already.
    if (position === undefined) return;
    await tx.query(
      'insert into feed_subject (subject, position) select unnest($1::text[]), $2::bigint on conflict do nothing',
      [subjectsOf(event), position],
    );
  }

  async after(position: number, limit = 500): Promise<FeedEvent[]> {
    return this.select(`from feed where position > $1 order by position limit $2`, [position, limit]);
  }

  async find({
    subject,
    correlation,
    type,
    types,
    since = 0,
    until,
    limit,
    newest = false,
  }: EventFilter): Promise<FeedEvent[]> {
    const values: unknown[] = [since, limit];
    const conditions = ['position > $1'];
    const where = (condition: string, value: unknown) =>
      conditions.push(condition.replace('?', `$${values.push(value)}`));
    if (until !== undefined) where('position <= ?', until);
    if (subject !== undefined)
      where('position in (select s.position from feed_subject s where s.subject = ?)', subject);
    if (correlation !== undefined) where(`meta->>'correlationId' = ?`, correlation);
    if (type !== undefined) where('type = ?', type);
    if (types !== undefined) where('type = any(?)', types);

    const order = newest ? 'desc' : 'asc';
    const found = await this.select(
      `from feed where ${conditions.join(' and ')} order by position ${order} limit $2`,
      values,
    );
    return newest ? found.reverse() : found;
  }

  async byId(id: string): Promise<FeedEvent | undefined> {
    return (await this.select('from feed where id = $1', [id]))[0];
  }

  /** The event at a position: when it was known. */
  async at(position: number): Promise<Moment | undefined> {
    return this.known('where position = $1', position);
  }

  /**
   * The last position known at an instant, which is not in the future. Who writes just now may have given its rows an
   * earlier time: it is waited for, so that one question has one answer, and not for long, for it may hang.
   */
  async knownAt(instant: string): Promise<Moment | undefined> {
    // One statement is one transaction: it waits for the writer only if the instant is past, and lets go at once.
    const settled = await this.store.query(
      `select pg_advisory_xact_lock_shared($2) from set_config('lock_timeout', $3, true)
       where $1::timestamptz <= clock_timestamp()`,
      [instant, FEED_LOCK, `${SETTLED_WITHIN_MS}ms`],
    );
    if (settled.length === 0) return undefined;
    return this.known('where known_at <= $1 order by known_at desc, position desc limit 1', instant);
  }

  async head(): Promise<{ position: number; at: string | null }> {
    const { rows } = await this.store.pool.query<{ position: string; at: string }>(
      `select position, ${instantOf('known_at')} as at from feed order by position desc limit 1`,
    );
    return { position: Number(rows[0]?.position ?? 0), at: rows[0]?.at ?? null };
  }

  /** After the commit of new rows. */
  wake(): void {
    this.waiters.wake();
  }

  /** Until the next wake, or for so long; another process's rows wake nobody here, so callers look again. */
  async grown(withinMs: number): Promise<void> {
    await this.waiters.next(withinMs);
  }

  private async known(tail: string, value: unknown): Promise<Moment | undefined> {
    const [row] = await this.store.query<{ position: string; at: string }>(
      `select position, ${instantOf('known_at')} as at from feed ${tail}`,
      [value],
    );
    return row && { position: Number(row.position), at: row.at };
  }

  private async select(tail: string, values: unknown[]): Promise<FeedEvent[]> {
    const { rows } = await this.store.pool.query<FeedEvent & { position: string; version: string }>(
      `select ${COLUMNS} ${tail}`,
      values,
    );
    return rows.map((row) => ({ ...row, position: Number(row.position), version: Number(row.version) }));
  }
}

export function subjectsOf({ type, data }: { type: string; data: unknown }): string[] {
  const contract = contractOf(type);
  return contract?.kind === 'event' ? [...new Set(contract.subjects(data))] : [];
}
