import type { EventStore } from '@holdfast/event-store';
import type { Client, QueryConfig, QueryResultRow } from 'pg';
import type { EventMeta } from './wire';

export interface UnsentEvent {
  gpos: string;
  stream: string;
  partitionKey: string;
  version: number;
  id: string;
  at: string;
  type: string;
  schemaVersion: number;
  dataText: string;
  meta: EventMeta;
}

interface Head {
  stream: string;
  version: number;
  eventId: string;
}

/** As in es.append: a plan made while the tables were empty must not scan them whole when they are full. */
const PINNED = `set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_hashjoin = off;
  set enable_mergejoin = off; set jit = off`;

const AT = `to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** The unsent events of one context, read and deleted on the session that holds the relay's lock. */
export class Outbox {
  readonly #names: { outbox: string; event: string; stream: string };
  /** The session takes one query at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly session: Client,
    context: string,
  ) {
    this.#names = { outbox: `es.outbox_${context}`, event: `es.event_${context}`, stream: `es.stream_${context}` };
  }

  /** Null while another relay of this context lives. Its lock ends with the session. */
  static async lock(store: EventStore, session: Client): Promise<Outbox | null> {
    await session.query(PINNED);
    const { rows } = await session.query<{ taken: boolean }>(
      `select pg_try_advisory_lock(hashtext('holdfast'), hashtext($1)) as taken`,
      [`relay ${store.context}`],
    );
    return rows[0]?.taken === true ? new Outbox(session, store.context) : null;
  }

  /** Not `<> all ($1)`: that compares each row with all in flight, 1,000 ms at 10,000. A subquery is hashed: 12 to 50 ms. */
  async unsent(inFlight: readonly string[], limit: number): Promise<UnsentEvent[]> {
    const { outbox, event, stream } = this.#names;
    return this.#ask<UnsentEvent>({
      name: 'outbox-unsent',
      text: `select o.gpos, s.key as stream, s.partition_key as "partitionKey", e.version::float8 as version, e.id,
          ${AT} as at, e.type, e.schema_version as "schemaVersion", e.data::text as "dataText", e.meta
        from ${outbox} o join ${event} e using (gpos) join ${stream} s on s.stream_no = e.stream_no
        where o.gpos not in (select unnest($1::bigint[])) order by o.gpos limit $2`,
      values: [inFlight, limit],
    });
  }

  async sent(gpos: readonly string[]): Promise<void> {
    const text = `delete from ${this.#names.outbox} where gpos = any($1::bigint[])`;
    await this.#ask({ name: 'outbox-sent', text, values: [gpos] });
  }

  /** Where every young enough stream is, with nothing of it unsent. Requests and plans end with their first events. */
  async heads(youngerThanMs: number): Promise<(Head & { partitionKey: string })[]> {
    const { outbox, event, stream } = this.#names;
    return this.#ask<Head & { partitionKey: string }>({
      text: `select s.key as stream, s.partition_key as "partitionKey", s.version::float8 as version, e.id as "eventId"
        from ${stream} s join ${event} e on e.stream_no = s.stream_no and e.version = s.version
        where e.at > clock_timestamp() - make_interval(secs => $1)
          and s.key !~ '^(request|[a-z]+-plan)-'
          and not exists (select from ${outbox} o join ${event} u using (gpos) where u.stream_no = s.stream_no)`,
      values: [youngerThanMs / 1_000],
    });
  }

  #ask<R extends QueryResultRow>(query: QueryConfig): Promise<R[]> {
    const answer = this.#turn.then(async () => (await this.session.query<R>(query)).rows);
    // A failed query is its asker's, not the next one's.
    this.#turn = answer.catch(() => undefined);
    return answer;
  }
}
