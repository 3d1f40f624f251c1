import type { EventStore } from '@holdfast/event-store';
import { rowsTableOf, type Projection } from '../projections/projection';
import type { Feed } from './feed';
import { contentHash, foldInto, placeOf } from './fold';
import { rowsTable } from './tables';

const BATCH = 500;

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
  private readonly running = new Set<string>();

  constructor(
    private readonly store: EventStore,
    private readonly feed: Feed,
    private readonly projections: readonly Projection[],
  ) {}

  refusal(name: string): 'unknown' | 'running' | undefined {
    if (!this.projections.some((projection) => projection.name === name)) return 'unknown';
    return this.running.has(name) ? 'running' : undefined;
  }

  async rebuild(name: string): Promise<Rebuilt> {
    const projection = this.projections.find((candidate) => candidate.name === name)!;
    const startedAt = Date.now();
    this.running.add(name);
    try {
      await this.begin(name);
      let position = 0;
      for (;;) {
        const reached = await this.advance(projection, position);
        if (reached === position) break;
        position = reached;
      }
      const swapped = await this.swap(projection, position);
      return { ...swapped, durationMs: Date.now() - startedAt };
    } finally {
      this.running.delete(name);
    }
  }

  private async begin(name: string): Promise<void> {
    const next = placeOf(name, true);
    await this.store.inTransaction(async (tx) => {
      await tx.query(`drop table if exists ${next.table}`);
      await tx.query(rowsTable(next.table));
      await tx.query('delete from history where projection = $1', [next.history]);
    });
  }

  private async advance(projection: Projection, position: number): Promise<number> {
    const events = await this.feed.after(position, BATCH);
    if (events.length === 0) return position;
    await this.store.inTransaction((tx) => foldInto(placeOf(projection.name, true), { projection, events }, tx));
    return events.at(-1)!.position;
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
      // A broken projection stands behind: the new rows are further, and there is nothing to compare.
      const target = Math.max(position, Number(stored?.position ?? 0));
      const comparable = target === Number(stored?.position ?? 0);
      const missing = (await this.feed.after(position, target - position)).filter((event) => event.position <= target);
      await foldInto(next, { projection, events: missing }, tx);

      const [before, after] = [await contentHash(old.table, tx), await contentHash(next.table, tx)];
      await tx.query(`drop table ${old.table}`);
      await tx.query(`alter table ${next.table} rename to ${rowsTableOf(name)}`);
      await tx.query(`alter index ${next.table}_subject rename to ${old.table}_subject`);
      await tx.query(`alter index ${next.table}_pkey rename to ${old.table}_pkey`);
      await tx.query('delete from history where projection = $1', [old.history]);
      await tx.query('update history set projection = $2 where projection = $1', [next.history, old.history]);
      await tx.query('update projection set position = $2 where name = $1', [name, target]);
      const identical = comparable && before.hash === after.hash;
      return { position: target, rows: after.rows, contentHash: after.hash, identical };
    });
    return value;
  }
}
