import type { EventStore } from '@holdfast/event-store';
import { logger } from '@holdfast/observability';
import type { FeedEvent, Projection } from '../projections/projection';
import type { Feed } from './feed';
import { foldInto } from './fold';
import { placeOf } from './tables';
import { Waiters } from './waiters';

const IDLE_MS = 1_000;
const RETRY_MS = 5_000;
const UNREAD_MS = 250;
const log = logger('projector');

export interface Progress {
  readonly name: string;
  position: number;
  /** Why it stands still; the others go on. */
  error: string | null;
  /** Since when what it shows may be behind: the batch that it cannot fold begins then. */
  brokenSince: string | null;
  retryAt: number;
}

/** Folds the feed into every projection, each in its own transaction, so that a broken one stops alone. */
export class Projector {
  readonly progress = new Map<string, Progress>();
  private readonly waiters = new Waiters();
  private running: Promise<void> | undefined;
  private stopped = false;

  constructor(
    private readonly store: EventStore,
    private readonly feed: Feed,
    private readonly projections: readonly Projection[],
    private readonly batch = 500,
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

  /** Whether every working projection has come so far, now or within this time. */
  async reached(position: number, withinMs: number): Promise<boolean> {
    const until = Date.now() + withinMs;
    while (this.position() < position && Date.now() < until) await this.moved(until - Date.now());
    return this.position() >= position;
  }

  /** Those that stand still. */
  broken(): Progress[] {
    return [...this.progress.values()].filter(({ error }) => error !== null);
  }

  /** Until some projection has moved, or for so long. */
  async moved(withinMs: number): Promise<void> {
    await this.waiters.next(withinMs);
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      // Asked for before the read: what is committed during it wakes the next turn at once.
      const grown = this.feed.grown(IDLE_MS);
      if (await this.turnOrWait()) this.waiters.wake();
      else if (!this.stopped) await grown;
    }
  }

  /** A feed that cannot be read is the store's fault: no projection stands still for it. */
  private async turnOrWait(): Promise<boolean> {
    try {
      return await this.turn();
    } catch (error) {
      log.warn({ err: error }, 'the feed cannot be read; trying again');
      await new Promise((resolve) => setTimeout(resolve, UNREAD_MS));
      return false;
    }
  }

  /** One batch of the feed to all that stand at the same place: usually all of them. Whether any has moved. */
  private async turn(): Promise<boolean> {
    const together = new Map<number, Projection[]>();
    for (const projection of this.projections) {
      const progress = this.progressOf(projection.name);
      if (progress.retryAt > Date.now()) continue;
      if (progress.position === 0) progress.position = await this.storedPosition(projection.name);
      together.set(progress.position, [...(together.get(progress.position) ?? []), projection]);
    }
    const moved = await Promise.all([...together].map(([position, group]) => this.advance(position, group)));
    return moved.some(Boolean);
  }

  private async advance(position: number, group: readonly Projection[]): Promise<boolean> {
    const events = await this.feed.after(position, this.batch);
    const last = events.at(-1);
    if (!last) return false;
    const concerned = group.filter(({ rules }) => events.some(({ type }) => rules.has(type)));
    const others = group.filter((projection) => !concerned.includes(projection));
    await this.guarded(others, () => this.passOver(others, { from: position, to: last.position }));
    // In their order: what is listed last is never ahead of the others.
    for (const projection of concerned)
      await this.guarded([projection], () => this.fold(projection, events), events[0]?.knownAt);
    return true;
  }

  private progressOf(name: string): Progress {
    const progress = this.progress.get(name) ?? { name, position: 0, error: null, brokenSince: null, retryAt: 0 };
    this.progress.set(name, progress);
    return progress;
  }

  /** What fails is tried again later, and after a rebuild: a new build may fold what this one cannot. */
  private async guarded<T>(
    group: readonly Projection[],
    work: () => Promise<T>,
    since = new Date().toISOString(),
  ): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      const names = group.map(({ name }) => name);
      const message = error instanceof Error ? error.message : String(error);
      for (const name of names) {
        const progress = this.progressOf(name);
        const brokenSince = progress.brokenSince ?? since;
        Object.assign(progress, { error: message, brokenSince, retryAt: Date.now() + RETRY_MS });
      }
      log.error({ err: error, projections: names }, 'projections stand still');
      return undefined;
    }
  }

  private async fold(projection: Projection, events: readonly FeedEvent[]): Promise<void> {
    const progress = this.progressOf(projection.name);
    const to = events.at(-1)!.position;
    const { value: position } = await this.store.inTransaction(async (tx) => {
      const [row] = await tx.query<{ position: string }>('select position from projection where name = $1 for update', [
        projection.name,
      ]);
      const at = Number(row?.position ?? 0);
      // A rebuild swapped its rows in meanwhile: begin again where it stands.
      if (at !== progress.position) return at;
      await foldInto(placeOf(projection.name), { projection, events }, tx);
      await tx.query('update projection set position = $2 where name = $1', [projection.name, to]);
      return to;
    });
    this.movedTo(position, projection.name);
  }

  /** Nothing in these events concerns them: one statement moves them all, but one that a rebuild has moved itself. */
  private async passOver(group: readonly Projection[], { from, to }: { from: number; to: number }): Promise<void> {
    if (group.length === 0) return;
    const passed = await this.store.query<{ name: string }>(
      'update projection set position = $3 where name = any($1) and position = $2 returning name',
      [group.map(({ name }) => name), from, to],
    );
    const names = new Set(passed.map(({ name }) => name));
    for (const { name } of group) this.movedTo(names.has(name) ? to : await this.storedPosition(name), name);
  }

  private movedTo(position: number, name: string): void {
    this.progress.set(name, { name, position, error: null, brokenSince: null, retryAt: 0 });
  }

  private async storedPosition(name: string): Promise<number> {
    const { rows } = await this.store.pool.query<{ position: string }>(
      'select position from projection where name = $1',
      [name],
    );
    return Number(rows[0]?.position ?? 0);
  }
}
