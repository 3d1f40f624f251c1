import type { EventStore } from '@holdfast/event-store';
import { encodeEvent } from '@holdfast/messaging/agent';
import type { ParkedRow } from '../projections/parked-events.projection';

/** A record as it travels: headers, and its bytes in base64. */
export interface RawRecordView {
  /** As it came, if it stopped the gateway too; else written anew from the feed, which does not keep the record key. */
  from: 'inbox' | 'feed';
  headers: Readonly<Record<string, string>>;
  valueBase64: string | null;
}

type Place = Pick<ParkedRow, 'stream' | 'version'>;

/** The record at which a stream stopped. Null: it never came, which is why the stream stopped. */
export async function rawRecordOf(store: EventStore, place: Place): Promise<RawRecordView | null> {
  return (await fromInbox(store, place)) ?? (await fromFeed(store, place));
}

async function fromInbox(store: EventStore, { stream, version }: Place): Promise<RawRecordView | undefined> {
  const [row] = await store.query<{ headers: Record<string, string>; value: Buffer | null }>(
    'select headers, value from inbox_parked where stream = $1 and version = $2',
    [stream, version],
  );
  return row && { from: 'inbox', headers: row.headers, valueBase64: row.value?.toString('base64') ?? null };
}

async function fromFeed(store: EventStore, { stream, version }: Place): Promise<RawRecordView | null> {
  const [event] = await store.query<FeedRow>(
    `select id, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, type, data::text as "dataText",
       schema_version as "schemaVersion", meta, meta->>'source' as source from feed where stream = $1 and version = $2`,
    [stream, version],
  );
  if (!event) return null;
  const record = encodeEvent({ ...event, stream, version, partitionKey: '' });
  const { ce_partitionkey: _, ...headers } = record.headers;
  return { from: 'feed', headers, valueBase64: Buffer.from(record.value).toString('base64') };
}

type FeedRow = Omit<Parameters<typeof encodeEvent>[0], 'stream' | 'version' | 'partitionKey'>;
