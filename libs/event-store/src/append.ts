import type { ClientBase } from 'pg';
import type { EventMeta } from './events';

/** One event as it will be written. */
interface StagedEvent {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly dataText: string;
  readonly meta: EventMeta;
}

/** All that one transaction appends to one stream. */
export interface StagedStream {
  readonly stream: string;
  readonly partitionKey: string;
  /** n: exactly; 0: must not exist; -1: must exist; null: any. */
  readonly expected: number | null;
  readonly events: StagedEvent[];
}

export interface Verdict {
  readonly outcome: 'appended' | 'repeated' | 'conflict';
  /** Of the stream now; where `repeated`, then. */
  readonly version: number;
}

const APPEND = `
  select outcome, version
  from es.append($1::text[], $2::text[], $3::bigint[], $4::int[], $5::int[],
                 $6::int[], $7::uuid[], $8::text[], $9::smallint[], $10::json[], $11::json[])`;

/**
 * One call for any number of streams; all of them are one unit, for the transaction stands or falls as a whole. The
 * function knows several units too, for transactions that share a call, and `-1`, for those that may not begin a stream.
 */
export async function append(client: ClientBase, streams: readonly StagedStream[]): Promise<Verdict[]> {
  const events = streams.flatMap(({ events }, index) => events.map((event) => ({ ...event, entry: index + 1 })));
  let last = 0;
  const { rows } = await client.query<Verdict>({
    name: 'es-append',
    text: APPEND,
    values: [
      streams.map(({ stream }) => stream),
      streams.map(({ partitionKey }) => partitionKey),
      streams.map(({ expected }) => expected),
      streams.map(() => 1),
      streams.map(({ events }) => (last += events.length)),
      events.map(({ entry }) => entry),
      events.map(({ id }) => id),
      events.map(({ type }) => type),
      events.map(({ schemaVersion }) => schemaVersion),
      events.map(({ dataText }) => dataText),
      events.map(({ meta }) => JSON.stringify(meta)),
    ],
  });
  return rows;
}
