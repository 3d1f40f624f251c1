import type { ParkCode } from '@holdfast/contracts';
import type { Tx } from '@holdfast/event-store';
import type { StreamHead } from './stream-head';
import { decodeRecord, type IncomingEvent, type RawRecord } from './wire';

/** Why a record is parked. `BEHIND`: only for its turn; `RETRIED`: it stopped the stream, and is tried once more. */
export type ParkedCode = ParkCode | 'BEHIND' | 'RETRIED' | 'RECORD_INVALID';

export interface ParkedRow {
  stream: string;
  version: number;
  topic: string;
  partition: number;
  offset: string;
  code: ParkedCode;
  message: string;
  attempts: number;
  parkedAt: Date;
}

export interface ParkedRecord extends Omit<ParkedRow, 'parkedAt'> {
  headers: RawRecord['headers'];
  key: string | null;
  value: Buffer | null;
  timestamp: string;
}

const COLUMNS = `stream, version::float8 as version, topic, partition_no as partition, record_offset::text as offset,
  code, message, attempts, parked_at as "parkedAt"`;

export function allParked(db: Pick<Tx, 'query'>, consumer: string): Promise<ParkedRow[]> {
  return db.query<ParkedRow>(
    `select ${COLUMNS} from inbox_parked
      where consumer = $1 and code not in ('BEHIND', 'RETRIED', 'RECORD_INVALID') order by parked_at`,
    [consumer],
  );
}

/** The inbox's own tables, for one consumer, inside a transaction or out of it. */
export class InboxRows {
  constructor(
    private readonly db: Pick<Tx, 'query'>,
    private readonly consumer: string,
  ) {}

  /** The heads of these streams, locked in order, so that two transactions never wait for each other in a circle. */
  async lockHeads(streams: readonly string[]): Promise<Map<string, StreamHead>> {
    const sorted = [...streams].sort();
    await this.db.query(
      `insert into inbox_head (consumer, stream, version) select $1, unnest($2::text[]), 0 on conflict do nothing`,
      [this.consumer, sorted],
    );
    const rows = await this.db.query<StreamHead & { stream: string }>(
      `select stream, version::float8 as version, event_id as "eventId", told::float8 as told, state
        from inbox_head where consumer = $1 and stream = any($2) order by stream for update`,
      [this.consumer, sorted],
    );
    return new Map(rows.map(({ stream, ...head }) => [stream, head]));
  }

  async writeHeads(heads: ReadonlyMap<string, StreamHead>): Promise<void> {
    if (heads.size === 0) return;
    const all = [...heads.values()];
    await this.db.query(
      `update inbox_head h set version = n.version, event_id = n.event_id, told = n.told, state = n.state
        from unnest($2::text[], $3::bigint[], $4::uuid[], $5::bigint[], $6::text[]) n(stream, version, event_id, told, state)
        where h.consumer = $1 and h.stream = n.stream`,
      [
        this.consumer,
        [...heads.keys()],
        all.map(({ version }) => version),
        all.map(({ eventId }) => eventId),
        all.map(({ told }) => told),
        all.map(({ state }) => state),
      ],
    );
  }

  parkedOf(streams: readonly string[]): Promise<ParkedRow[]> {
    return this.db.query<ParkedRow>(
      `select ${COLUMNS} from inbox_parked where consumer = $1 and stream = any($2) order by stream, version`,
      [this.consumer, streams],
    );
  }

  /** The record of a parked row, as it once came; null: the row stands for one that never came. */
  async readParked(row: ParkedRow, partitions: number): Promise<IncomingEvent | null> {
    const [raw] = await this.db.query<{ headers: Record<string, string>; value: Buffer | null }>(
      'select headers, value from inbox_parked where consumer = $1 and stream = $2 and version = $3',
      [this.consumer, row.stream, row.version],
    );
    if (raw === undefined || raw.value === null) return null;
    const { ':key': key = '', ':timestamp': timestamp = '0', ...headers } = raw.headers;
    const { topic, partition, offset } = row;
    const place = { topic, partition, offset, timestamp, key: Buffer.from(key), value: raw.value };
    const record = decodeRecord({ ...place, headers }, partitions);
    return record.kind === 'event' ? record : null;
  }

  /** A record that is parked already keeps its place, and gets the newer reason. */
  async park(record: ParkedRecord): Promise<void> {
    const headers = { ...textHeaders(record.headers), ':key': record.key, ':timestamp': record.timestamp };
    await this.db.query(
      `insert into inbox_parked
          (consumer, stream, version, topic, partition_no, record_offset, headers, value, code, message, attempts)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        on conflict (consumer, stream, version)
        do update set code = excluded.code, message = excluded.message, attempts = excluded.attempts
        where excluded.code <> 'BEHIND'`,
      [
        ...[this.consumer, record.stream, record.version, record.topic, record.partition, record.offset],
        ...[JSON.stringify(headers), record.value, record.code, record.message, record.attempts],
      ],
    );
  }

  /** Kept for who wants to see them, the newest only: whoever reaches the broker can send any number. */
  async keepNewestInvalid(count: number): Promise<void> {
    await this.db.query(
      `delete from inbox_parked p using (
          select stream, version from inbox_parked where consumer = $1 and code = 'RECORD_INVALID'
          order by parked_at desc, stream, version desc offset $2) old
        where p.consumer = $1 and p.stream = old.stream and p.version = old.version`,
      [this.consumer, count],
    );
  }

  async unpark(stream: string, versions: readonly number[] | 'all') {
    await this.db.query(
      `delete from inbox_parked where consumer = $1 and stream = $2 and ($3::bigint[] is null or version = any($3))`,
      [this.consumer, stream, versions === 'all' ? null : versions],
    );
  }

  async markRetried(row: ParkedRow, requestId: string): Promise<void> {
    await this.db.query(
      `update inbox_parked set code = 'RETRIED', message = $4, attempts = 0
        where consumer = $1 and stream = $2 and version = $3`,
      [this.consumer, row.stream, row.version, requestId],
    );
  }
}

/** JSON holds no bytes: a header that is not text is kept as what can be read of it. */
function textHeaders(headers: RawRecord['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
