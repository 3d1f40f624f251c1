import { randomUUID } from 'node:crypto';
import type { EventStore } from './event-store';
import { type StoreSuite, storeSuite } from './fixtures';
import { type TimerHandler, Timers } from './timers';
import type { Tx } from './transaction';

const SPAN = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const at = (offsetMs: number) => new Date(Date.now() + offsetMs).toISOString();

/** Collects what was fired, and lets a spec wait for the nth. */
class Fired {
  readonly calls: { stream: string; name: string; command: object }[] = [];
  private waiting: (() => void)[] = [];

  readonly handler: TimerHandler = async (stream, name, command) => {
    this.calls.push({ stream, name, command });
    for (const look of this.waiting) look();
  };

  reach(count: number): Promise<void> {
    return this.until(() => this.calls.length >= count);
  }

  called(wanted: string): Promise<void> {
    return this.until(() => this.calls.some(({ stream }) => stream === wanted));
  }

  private until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => void (holds() && resolve());
      this.waiting.push(look);
      look();
    });
  }
}

describe('Timers', () => {
  let suite: StoreSuite;
  let store: EventStore;
  let started: Timers[] = [];
  const start = (at: EventStore, handler: TimerHandler) => {
    const timers = new Timers(at, handler);
    timers.start();
    started.push(timers);
    return timers;
  };
  const set = (stream: string, dueAt: string | null, name = 'wake', command: object = {}) =>
    store.inTransaction(async (tx) => tx.setTimer(stream, name, dueAt, command));
  const left = () => store.query<{ stream: string }>('select stream from timer order by stream');

  beforeAll(async () => {
    suite = await storeSuite();
    store = await suite.connect();
  });

  afterEach(async () => {
    await Promise.all(started.map((timers) => timers.stop()));
    started = [];
    await store.query('delete from timer');
  });

  afterAll(() => suite.stop());

  it('fires what is due, in that order, with the command it was set with, and takes it away', async () => {
    const fired = new Fired();
    await set('b', at(-1_000));
    await set('a', at(-2_000), 'wake', { type: 'Retry', attempt: 2 });
    await set('c', at(3_600_000));
    start(store, fired.handler);
    await fired.reach(2);
    expect(fired.calls).toEqual([
      { stream: 'a', name: 'wake', command: { type: 'Retry', attempt: 2 } },
      { stream: 'b', name: 'wake', command: {} },
    ]);
    await Promise.all(started.map((timers) => timers.stop()));
    expect(await left()).toEqual([{ stream: 'c' }]);
  });

  it('goes on with the story of whoever set it', async () => {
    const story = { correlationId: randomUUID(), causationId: randomUUID() };
    const set = (tx: Tx) =>
      tx.inContext({ ...story, traceparent: SPAN, command: 'Wait' }).setTimer('a', 'wake', at(-1), {});
    await store.inTransaction(async (tx) => set(tx));
    expect(await store.query('select context from timer')).toEqual([{ context: { ...story, traceparent: SPAN } }]);
    const heard = new Promise((resolve) => start(store, async (...[, , , tx]) => resolve(tx.context)));
    // What is decided now belongs to the span that fires it; the old one is linked.
    expect(await heard).toEqual(story);
  });

  it('fires at the new time when set again, and not when taken away', async () => {
    const fired = new Fired();
    await set('later', at(-1));
    await set('later', at(3_600_000));
    await set('gone', at(-1));
    await set('gone', null);
    await set('due', at(-1));
    start(store, fired.handler);
    await fired.reach(1);
    expect(fired.calls.map(({ stream }) => stream)).toEqual(['due']);
  });

  it('hears of a timer set while it rests', async () => {
    const fired = new Fired();
    start(store, fired.handler);
    await set('first', at(-1));
    await fired.reach(1);
    await set('second', at(30));
    await fired.reach(2);
  });

  it('fires again what its handler failed at, and nothing of the failed attempt stays', async () => {
    let attempts = 0;
    const fired = new Fired();
    await set('x', at(-1));
    start(store, async (stream, name, command, tx) => {
      attempts += 1;
      tx.setTimer('y', 'wake', at(3_600_000), { attempts });
      await tx.query(`insert into snapshot values ('attempt', $1, 'v1', '{}')`, [attempts]);
      if (attempts === 1) throw new RangeError('a handler that fails once');
      await fired.handler(stream, name, command, tx);
    });
    await fired.reach(1);
    await Promise.all(started.map((timers) => timers.stop()));
    expect(await store.query('select version from snapshot')).toEqual([{ version: 2 }]);
    expect(await left()).toEqual([{ stream: 'y' }]);
  });

  it('lets others fire while one fails', async () => {
    const fired = new Fired();
    await set('bad', at(-2_000));
    await set('good', at(-1_000));
    start(store, async (stream, ...rest) => {
      if (stream === 'bad') throw new RangeError('a handler that always fails');
      await fired.handler(stream, ...rest);
    });
    await fired.reach(1);
    expect(fired.calls).toMatchObject([{ stream: 'good' }]);
  });

  it('lets others fire while more fail than are read at once', async () => {
    const fired = new Fired();
    const bad = Array.from({ length: 150 }, (_, i) => `bad-${i}`);
    await store.inTransaction(async (tx) => {
      for (const stream of bad) tx.setTimer(stream, 'wake', at(-10_000), {});
    });
    await set('good', at(-1_000));
    let attempts: string[] = [];
    const timers = start(store, async (stream, ...rest) => {
      if (stream !== 'good') {
        attempts.push(stream);
        throw new RangeError('a handler that always fails');
      }
      await fired.handler(stream, ...rest);
    });
    await fired.reach(1);
    expect(new Set(attempts).size).toBe(150);

    // What is set anew has not failed yet.
    attempts = [];
    await set('bad-7', at(-5_000));
    await set('good', at(-1_000));
    await fired.reach(2);
    await timers.stop();
    expect(attempts).toContain('bad-7');
  });

  it('pauses longer with each failure', async () => {
    const attempts: number[] = [];
    const third = new Promise<void>((resolve) => {
      start(store, () => {
        attempts.push(performance.now());
        if (attempts.length === 3) resolve();
        return Promise.reject(new RangeError('a handler that always fails'));
      });
    });
    await set('bad', at(-1));
    await third;
    const [first = 0, second = 0, last = 0] = attempts;
    expect(second - first).toBeGreaterThanOrEqual(1_000);
    expect(last - second).toBeGreaterThanOrEqual(2_000);
  });

  it('may be set again by its own command', async () => {
    const fired = new Fired();
    await set('tick', at(-1));
    start(store, async (stream, name, command, tx) => {
      if (fired.calls.length < 2) tx.setTimer(stream, name, at(0), {});
      await fired.handler(stream, name, command, tx);
    });
    await fired.reach(3);
  });

  it('has one holder of all processes; when that one ends, the next goes on', async () => {
    const [first, second] = [new Fired(), new Fired()];
    const holder = start(store, first.handler);
    await set('a', at(-1));
    await first.reach(1);
    start(await suite.connect(), second.handler);
    await set('b', at(-1));
    await first.reach(2);
    expect(second.calls).toEqual([]);
    await holder.stop();
    await set('c', at(-1));
    await second.reach(1);
    expect(second.calls).toMatchObject([{ stream: 'c' }]);
  });

  it('goes on after PostgreSQL was killed', async () => {
    const fired = new Fired();
    start(store, fired.handler);
    await set('before', at(-1));
    await fired.reach(1);
    await suite.postgres.kill();
    await suite.postgres.restart();
    await set('after', at(-1));
    await fired.called('after');
    // Killed before it was committed, the first is fired again: at least once.
    expect(new Set(fired.calls.map(({ stream }) => stream))).toEqual(new Set(['before', 'after']));
  });
});
