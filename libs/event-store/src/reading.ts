import type { Instant } from '@holdfast/contracts';
import type { EventMeta, StoredEvent } from './events';
import type { Tx } from './transaction';

/** Whoever can ask: a transaction, or the store outside of one. */
export type Asker = Pick<Tx, 'query'>;

/** Reads the one partition of each table that a service may read. */
export class Reading {
  private readonly stream: string;
  private readonly event: string;
  private readonly outbox: string;

  constructor(
    context: string,
    private readonly store: Asker,
  ) {
    this.stream = `es.stream_${context}`;
    this.event = `es.event_${context}`;
    this.outbox = `es.outbox_${context}`;
  }

  /** In order, both ends included. `via` reads inside a transaction. */
  async events(stream: string, [from, to]: [number, number], via: Asker = this.store): Promise<StoredEvent[]> {
    const rows = await via.query<EventRow>(
      `select s.key as stream, s.partition_key as "partitionKey", e.version, e.id, e.type,
              to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
              e.schema_version as "schemaVersion", e.data::text as "dataText", e.meta
       from ${this.stream} s join ${this.event} e using (stream_no)
       where s.key = $1 and e.version between $2 and $3
       order by e.version`,
      [stream, from, Number.isFinite(to) ? to : Number.MAX_SAFE_INTEGER],
    );
    return rows.map((row) => ({ ...row, data: JSON.parse(row.dataText) as object }));
  }

  /** 0: there is no such stream. */
  async versions(streams: readonly string[], via: Asker = this.store): Promise<Map<string, number>> {
    const rows = await via.query<{ key: string; version: number }>(
      `select key, version from ${this.stream} where key = any ($1::text[])`,
      [streams],
    );
    const found = new Map(rows.map(({ key, version }) => [key, version]));
    return new Map(streams.map((stream) => [stream, found.get(stream) ?? 0]));
  }

  /** All streams `<prefix>-…`, by key. */
  streams(prefix: string): Promise<{ key: string; version: number }[]> {
    const start = `${prefix.replace(/-$/, '')}-`;
    // The keys are collated bytewise, so the index finds them: '.' is the byte after '-'.
    return this.store.query(`select key, version from ${this.stream} where key >= $1 and key < $2 order by key`, [
      start,
      `${start.slice(0, -1)}.`,
    ]);
  }

  async unsent(): Promise<{ pending: number; oldestMs: number }> {
    const [row] = await this.store.query<{ pending: number; oldestMs: number }>(
      `select count(*) as pending,
              coalesce((select extract(epoch from clock_timestamp() - e.at) * 1000
                        from ${this.outbox} o join ${this.event} e using (gpos) order by gpos limit 1), 0)::float8
                as "oldestMs"
       from ${this.outbox}`,
    );
    return row ?? { pending: 0, oldestMs: 0 };
  }

  async has(id: string, via: Asker = this.store): Promise<boolean> {
    return (await via.query(`select from ${this.event} where id = $1`, [id])).length > 0;
  }
}

interface EventRow {
  stream: string;
  partitionKey: string;
  version: number;
  id: string;
  at: Instant;
  type: string;
  schemaVersion: number;
  dataText: string;
  meta: EventMeta;
}
