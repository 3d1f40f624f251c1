import type { EventStore, Tx } from '@holdfast/event-store';
import type { Projection } from '../projections/projection';
import type { Feed } from './feed';
import { contentHash, foldInto } from './fold';
import { createEmpty, placeOf, type Place } from './tables';

const BATCH = 1_000;

export interface Rebuilt {
  position: number;
  rows: number;
  durationMs: number;
  contentHash: string;
  /** Whether the rows before were the same: if not, an older build had folded them otherwise. */
  identical: boolean;
}

/** Folds a projection anew beside the old one, catches up, and swaps the two in one transaction. */
export class Rebuilder {
  constructor(
    private readonly store: EventStore,
    private readonly feed: Feed,
    private readonly projections: readonly Projection[],
  ) {}

  knows(name: string): boolean {
    return this.projections.some((projection) => projection.name === name);
  }

  /** One at a time for each projection: two would write into the same new tables. */
  async rebuild(name: string, signal?: AbortSignal): Promise<Rebuilt> {
    const projection = this.projections.find((candidate) => candidate.name === name)!;
    const startedAt = Date.now();
    await this.store.inTransaction((tx) => createEmpty(placeOf(name, true), tx));
    let position = 0;
    for (let more = true; more;) {
      signal?.throwIfAborted();
      const events = await this.feed.after(position, BATCH);
      await this.store.inTransaction((tx) => foldInto(placeOf(name, true), { projection, events }, tx));
      position = events.at(-1)?.position ?? position;
      // What arrives from now on is little: the swap folds it.
      more = events.length === BATCH;
    }
    const swapped = await this.swap(projection, position);
    return { ...swapped, durationMs: Date.now() - startedAt };
  }

  /** Under the projection's lock the two are brought to one position, compared, and renamed. */
  private async swap(projection: Projection, position: number): Promise<Omit<Rebuilt, 'durationMs'>> {
    const { name } = projection;
    const [old, next] = [placeOf(name), placeOf(name, true)];
    const { value } = await this.store.inTransaction(async (tx) => {
      const [stored] = await tx.query<{ position: string }>(
        'select position from projection where name = $1 for update',
        [name],
      );
      const folded = Number(stored?.position ?? 0);
      // A broken projection stands behind: the new rows are further, and there is nothing to compare.
      const target = Math.max(position, folded);
      const missing = await this.feed.after(position, target - position);
      await foldInto(next, { projection, events: missing }, tx);

      const [before, after] = [await contentHash(old, tx), await contentHash(next, tx)];
      await replace(old, next, tx);
      await tx.query('update projection set position = $2 where name = $1', [name, target]);
      const identical = target === folded && before.hash === after.hash;
      return { position: target, rows: after.rows, contentHash: after.hash, identical };
    });
    return value;
  }
}

async function replace(old: Place, next: Place, tx: Tx): Promise<void> {
  await tx.query(`drop table ${old.rows}, ${old.history}`);
  await tx.query(`alter table ${next.rows} rename to ${old.rows}`);
  await tx.query(`alter table ${next.history} rename to ${old.history}`);
}
