import type { Tx } from '@holdfast/event-store';
import { rowsTableOf, type FeedEvent, type Projection } from '../projections/projection';
import { RowBatch } from './row-batch';
import { storable } from './storable';

/** Where a projection's rows and history are kept: its own names, or those of a rebuild under way. */
export const placeOf = (name: string, rebuilding = false) => ({
  table: rebuilding ? `${rowsTableOf(name)}_next` : rowsTableOf(name),
  history: rebuilding ? `${name} (next)` : name,
});

/** Folds a batch of the feed into rows, in the caller's transaction. */
export async function foldInto(
  place: { table: string; history: string },
  { projection, events }: { projection: Projection; events: readonly FeedEvent[] },
  tx: Tx,
): Promise<void> {
  const rows = new RowBatch(tx, place);
  for (const event of events) {
    const rules = projection.rules.get(event.type);
    if (!rules) continue;
    const told = { ...event, data: storable(event.data) };
    for (const rule of rules) {
      for (const touch of rule.touches(told)) {
        for (const key of await rows.keysOf(touch)) {
          rows.set(key, rule.fold(await rows.get(key), told, key), event.position);
        }
      }
    }
  }
  await rows.write();
}

/** One number for all rows: the same fold of the same feed always gives the same. */
export async function contentHash(table: string, tx: Tx): Promise<{ hash: string; rows: number }> {
  const [found] = await tx.query<{ hash: string; rows: string }>(
    `select count(*) as rows, encode(sha256(coalesce(string_agg(key || ' ' || body::text, E'\\n' order by key), '')::bytea), 'hex') as hash
     from ${table}`,
  );
  return { hash: found?.hash ?? '', rows: Number(found?.rows ?? 0) };
}
