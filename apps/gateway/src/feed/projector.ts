import type { EventStore } from '@holdfast/event-store';
import { logger } from '@holdfast/observability';
import type { FeedEvent, Projection } from '../projections/projection';
import type { Feed } from './feed';
import { foldInto, placeOf } from './fold';

const BATCH = 500;
const IDLE_MS = 1_000;
const RETRY_MS = 5_000;
const log = logger('projector');

export interface Progress {
  readonly name: string;
  position: number;
  /** Why it stands still; the others go on. */
  error: string | null;
  retryAt: number;
}

/** Folds the feed into every projection, each in its own transaction, so that a broken one stops alone. */
export class Projector {
  readonly progress = new Map<string, Progress>();
  private readonly waiting = new Set<() => void>();
  private running: Promise<void> | undefined;
  private stopped = false;

  constructor(
    private readonly store: EventStore,
    private readonly feed: Feed,
    private readonly projections: readonly Projection[],
  ) {}

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.feed.wake();
    await this.running;
  }

  /** How far every working projection is. */
  position(): number {
    const working = [...this.progress.values()].filter(({ error }) => error === null);
    return working.length === 0 ? 0 : Math.min(...working.map(({ position }) => position));
  }

  /** Until some projection has moved, or for so long. */
  async moved(withinMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const go = () => {
        clearTimeout(timer);
        this.waiting.delete(go);
        resolve();
      };
      const timer = setTimeout(go, withinMs);
      this.waiting.add(go);
    });
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const grown = this.feed.grown(IDLE_MS);
      let folded = 0;
      for (const projection of this.projections) folded += await this.step(projection);
      if (folded === 0 && !this.stopped) await grown;
      else this.tellWaiting();
    }
  }

  private tellWaiting(): void {
    for (const go of [...this.waiting]) go();
  }

  /** One batch of one projection; how many events it went past. */
  async step(projection: Projection): Promise<number> {
    const progress = this.progress.get(projection.name) ?? {
      name: projection.name,
      position: 0,
      error: null,
      retryAt: 0,
    };
    this.progress.set(projection.name, progress);
    if (progress.retryAt > Date.now()) return 0;
    try {
      const events = await this.fold(projection, progress);
      progress.error = null;
      progress.retryAt = 0;
      return events.length;
    } catch (error) {
      // Tried again later, and after a rebuild: a new build may fold what this one cannot.
      progress.error = error instanceof Error ? error.message : String(error);
      progress.retryAt = Date.now() + RETRY_MS;
      log.error({ err: error, projection: projection.name, position: progress.position }, 'projection stands still');
      return 0;
    }
  }

  private async fold(projection: Projection, progress: Progress): Promise<FeedEvent[]> {
    if (progress.position === 0) progress.position = await this.storedPosition(projection.name);
    const events = await this.feed.after(progress.position, BATCH);
    const last = events.at(-1);
    if (!last) return events;

    const { value: position } = await this.store.inTransaction(async (tx) => {
      const [row] = await tx.query<{ position: string }>('select position from projection where name = $1 for update', [
        projection.name,
      ]);
      const at = Number(row?.position ?? 0);
      // A rebuild swapped its rows in meanwhile: begin again where it stands.
      if (at !== progress.position) return at;
      await foldInto(placeOf(projection.name), { projection, events }, tx);
      await tx.query('update projection set position = $2 where name = $1', [projection.name, last.position]);
      return last.position;
    });
    progress.position = position;
    return events;
  }

  private async storedPosition(name: string): Promise<number> {
    const { rows } = await this.store.pool.query<{ position: string }>(
      'select position from projection where name = $1',
      [name],
    );
    return Number(rows[0]?.position ?? 0);
  }
}
