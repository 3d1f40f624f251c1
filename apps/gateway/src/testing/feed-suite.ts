import { EventStore, setUpStore } from '@holdfast/event-store';
import { freshDatabase, temporaryPostgres, type Postgres } from '@holdfast/testing';
import { Feed } from '../feed/feed';
import { contentHash } from '../feed/fold';
import { Projector } from '../feed/projector';
import { Rebuilder, type Rebuilt } from '../feed/rebuild';
import { createRows, FeedLookups1764115200003, placeOf } from '../feed/tables';
import { projections } from '../projections';
import type { FeedEvent, Projection } from '../projections/projection';
import { LatestSamples } from '../samples/latest';
import { Views } from '../views/views';

/** A feed and its projections on a real PostgreSQL, without a broker: events are told as the inbox would. */
export class FeedSuite {
  store!: EventStore;
  feed!: Feed;
  private postgres: Postgres | undefined;
  /** Of `showing`. */
  private projector: Projector | undefined;

  async start(): Promise<void> {
    this.postgres = await temporaryPostgres();
  }

  /** All that was started, however far that came. */
  async stop(): Promise<void> {
    try {
      await this.projector?.stop();
      if (this.projector !== undefined) await this.close();
    } finally {
      await this.postgres?.stop();
    }
  }

  /** A feed of this story, an event a transaction, followed until `stop`: what the API would read from. */
  async showing(story: readonly FeedEvent[]): Promise<Views> {
    await this.start();
    await this.fresh();
    for (const [index, event] of story.entries()) await this.hear([event], index);
    this.projector = new Projector(this.store, this.feed, projections);
    this.projector.start();
    await this.caughtUp(this.projector);
    return this.views(this.projector);
  }

  /** A feed without events. */
  async fresh(): Promise<void> {
    const url = await freshDatabase(this.postgres!, setUpStore);
    const tables = { migrations: [FeedLookups1764115200003] };
    this.store = await EventStore.connect({ url, service: 'gateway', tables });
    await createRows(this.store, projections);
    this.feed = new Feed(this.store);
  }

  async close(): Promise<void> {
    await this.store.close();
  }

  /** In one transaction, as the inbox hands them over. Each is a stream of its own, named by its index in the story. */
  async hear(events: readonly FeedEvent[], from = 0): Promise<void> {
    await this.store.inTransaction(async (tx) => {
      for (const [index, event] of events.entries()) {
        const id = `00000000-0000-4000-a000-${String(from + index + 1).padStart(12, '0')}`;
        const meta = { correlationId: id, causationId: id };
        const told = { ...event, stream: `told-${from + index}`, id, schemaVersion: 1, source: '/spec', meta };
        await this.feed.append(told, tx);
      }
    });
    this.feed.wake();
  }

  /** While a projector follows. */
  async following<T>(work: (projector: Projector) => Promise<T>, list = projections): Promise<T> {
    const projector = new Projector(this.store, this.feed, list);
    projector.start();
    try {
      return await work(projector);
    } finally {
      await projector.stop();
    }
  }

  /** Until these projections are where the feed is now. */
  async caughtUp(projector: Projector, list: readonly Projection[] = projections): Promise<void> {
    const { position } = await this.feed.head();
    for (const { name } of list) {
      while ((projector.progress.get(name)?.position ?? 0) < position) {
        expect(projector.progress.get(name)?.error ?? null).toBeNull();
        await projector.moved(1_000);
      }
    }
  }

  /** What the API would read from. */
  views(projector: Projector): Views {
    const { store, feed } = this;
    return new Views({
      store,
      feed,
      projector,
      samples: new LatestSamples(),
      freshness: { all: () => [] },
      alphaMs: 1,
    });
  }

  /** In batches so small that a row's life goes over many. */
  rebuild(name: string): Promise<Rebuilt> {
    return new Rebuilder(this.store, this.feed, projections, 7).rebuild(name);
  }

  async hashOf(name: string): Promise<string> {
    const { value } = await this.store.inTransaction((tx) => contentHash(placeOf(name), tx));
    return value.hash;
  }
}
