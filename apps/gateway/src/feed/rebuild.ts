import type { EventStore, Tx } from '@holdfast/event-store';
import type { Projection } from '../projections/projection';
import type { Feed } from './feed';
import { contentHash, foldInto } from './fold';
import { createEmpty, placeOf, type Place } from './tables';

export interface Rebuilt {
  position: number;
  rows: number;
  durationMs: number;
  contentHash: string;
  /** Whether the rows before were the same: if not, an older build had folded them otherwise. */
  identical: boolean;
}

/** Folds a projection anew beside the old one, to the same position, and swaps the two in one transaction. */
export class Rebuilder {
  constructor(
    private readonly store: EventStore,
    private readonly feed: Feed,
    private readonly projections: readonly Projection[],
    private readonly batch = 1_000,
  ) {}

  knows(name: string): boolean {
    return this.projections.some((projection) => projection.name === name);
  }

  /** One at a time for each projection: two would write into the same new tables. */
  async rebuild(name: string, signal?: AbortSignal): Promise<Rebuilt> {
    const projection = this.projections.find((candidate) => candidate.name === name)!;
    const startedAt = Date.now();
    await this.store.inTransaction((tx) => createEmpty(placeOf(name, true), projection, tx));
    let position = 0;
    // As far as the projection itself has come, and no further. What is left at the end is little: the swap folds it.
    while ((await this.folded(name)) - position > this.batch) {
      signal?.throwIfAborted();
      const events = await this.feed.after(position, this.batch);
      await this.store.inTransaction((tx) => foldInto(placeOf(name, true), { projection, events }, tx));
      position += events.length;
    }
    const swapped = await this.swap(projection, position);
    return { ...swapped, durationMs: Date.now() - startedAt };
  }

  /** Under the projection's lock the new one is brought to its position, compared with it, and renamed. */
  private async swap(projection: Projection, position: number): Promise<Omit<Rebuilt, 'durationMs'>> {
    const { name } = projection;
    const [old, next] = [placeOf(name), placeOf(name, true)];
    const { value } = await this.store.inTransaction(async (tx) => {
      const target = await this.folded(name, tx);
      const missing = await this.feed.after(position, target - position);
      await foldInto(next, { projection, events: missing }, tx);

      const [before, after] = [await contentHash(old, tx), await contentHash(next, tx)];
      await replace(old, next, tx);
      return { position: target, rows: after.rows, contentHash: after.hash, identical: before.hash === after.hash };
    });
    return value;
  }

  /** How far the projection is; inside a transaction it goes no further until that has ended. */
  private async folded(name: string, tx?: Tx): Promise<number> {
    const sql = `select position from projection where name = $1 ${tx ? 'for update' : ''}`;
    const [row] = await (tx ?? this.store).query<{ position: string }>(sql, [name]);
    return Number(row?.position ?? 0);
  }
}

async function replace(old: Place, next: Place, tx: Tx): Promise<void> {
  await tx.query(`drop table ${old.rows}, ${old.history}`);
  await tx.query(`alter table ${next.rows} rename to ${old.rows}`);
  await tx.query(`alter table ${next.history} rename to ${old.history}`);
}
