import { rowsTableOf } from '../projections/projection';
import type { Views } from './views';

/** As each part said of itself last; one that is silent is shown as it was, with its silence. */
export function servicesOf({ from: { samples } }: Views) {
  const now = Date.now();
  return samples.services().map(({ data, appendedAt }) => ({
    ...data,
    heardAt: appendedAt,
    silentMs: Math.max(0, now - Date.parse(appendedAt)),
  }));
}

export interface ProjectionView {
  name: string;
  state: 'following' | 'broken';
  position: number;
  lagEvents: number;
  /** How long the next event that it has not folded has been known. */
  ageMs: number;
  rows: number;
  error: string | null;
}

export async function projectionsOf({ from: { projector, feed, store } }: Views): Promise<ProjectionView[]> {
  const { position: head } = await feed.head();
  return Promise.all(
    [...projector.progress.values()].map(async ({ name, position, error }) => {
      const [next] = await feed.after(position, 1);
      const [count] = await store.query<{ n: number }>(`select count(*) as n from ${rowsTableOf(name)}`);
      return {
        name,
        state: error === null ? ('following' as const) : ('broken' as const),
        position,
        lagEvents: Math.max(0, head - position),
        ageMs: next ? Math.max(0, Date.now() - Date.parse(next.knownAt)) : 0,
        rows: Number(count?.n ?? 0),
        error,
      };
    }),
  );
}
