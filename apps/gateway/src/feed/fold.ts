import type { Tx } from '@holdfast/event-store';
import type { FeedEvent, Projection } from '../projections/projection';
import { RowBatch } from './row-batch';
import { storable } from './storable';
import type { Place } from './tables';

/** Folds a batch of the feed into rows, in the caller's transaction. */
export async function foldInto(
  place: Place,
  { projection, events }: { projection: Projection; events: readonly FeedEvent[] },
  tx: Tx,
): Promise<void> {
  const steps = events.flatMap((event) => {
    const rules = projection.rules.get(event.type) ?? [];
    const told = rules.length > 0 ? { ...event, data: storable(event.data) } : event;
    return rules.flatMap((rule) => rule.touches(told).map((touch) => ({ rule, told, touch })));
  });
  const rows = new RowBatch(tx, place);
  await rows.load(steps.map(({ touch }) => touch));
  for (const { rule, told, touch } of steps)
    for (const key of rows.keysOf(touch)) rows.set(key, rule.fold(rows.get(key), told, key), told.position);
  await rows.write();
}

/** One number for all rows: the same fold of the same feed always gives the same. */
export async function contentHash({ rows }: Place, tx: Tx): Promise<{ hash: string; rows: number }> {
  const [found] = await tx.query<{ hash: string; rows: string }>(
    // Of the rows' own hashes: the rows themselves would not fit into one value.
    `select count(*) as rows, encode(sha256(coalesce(string_agg(
       sha256(convert_to(key || ' ' || body::text, 'UTF8')), ''::bytea order by key), ''::bytea)), 'hex') as hash
     from ${rows}`,
  );
  return { hash: found?.hash ?? '', rows: Number(found?.rows ?? 0) };
}
