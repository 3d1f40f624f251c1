import { inSpan, logger, storyAttributes } from '@holdfast/observability';
import { StoreUnavailable } from './errors';
import type { EventStore } from './event-store';
import type { EventContext } from './events';
import { SessionLock } from './session-lock';
import type { Tx } from './transaction';

/** Turns a due timer into a command. It may be called again for the same one: delivery is at least once. */
export type TimerHandler = (stream: string, name: string, command: object, tx: Tx) => Promise<void>;

interface DueTimer {
  readonly stream: string;
  readonly name: string;
  /** As PostgreSQL writes it, to the microsecond: whoever set it anew meanwhile has another one. */
  readonly dueAt: string;
  readonly command: object & { readonly type?: string };
  readonly context: EventContext;
}

/** How often a timer failed in a row, and when it is tried again. */
interface Failure {
  readonly times: number;
  readonly retryAt: number;
}

const POLL_MS = 1_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
const AT_ONCE = 100;

/** Turns rows into commands when they are due. Of all processes of a service, one does so. */
export class Timers {
  private readonly lock: SessionLock;
  /** By subject. One that was set anew has another, and starts afresh. */
  private readonly failures = new Map<string, Failure>();
  private running: Promise<void> | undefined;
  private stopped = false;
  private wake: () => void = () => undefined;

  constructor(
    private readonly store: EventStore,
    private readonly handler: TimerHandler,
  ) {
    this.lock = new SessionLock(store.pool, `timers ${store.service}`);
    store.onTimerSet(() => this.wake());
  }

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    await this.running;
    await this.lock.release();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      let restMs = POLL_MS;
      try {
        if (await this.lock.hold()) restMs = await this.fireDue();
      } catch (error) {
        // The store is away: timers wait with everything else.
        logger('timers').warn({ error: (error as Error).message }, 'timers wait for the store');
      }
      if (!this.stopped) await this.rest(restMs);
    }
  }

  /** Fires what is due, but for those that failed and pause: they would fill the page. How long nothing else will be. */
  private async fireDue(): Promise<number> {
    const due = await this.store.query<DueTimer>(
      `select stream, name, due_at::text as "dueAt", command, context from timer
       where due_at <= clock_timestamp() and concat_ws(' ', stream, name, due_at::text) <> all ($1::text[])
       order by due_at limit ${AT_ONCE}`,
      [this.pausing()],
    );
    for (const timer of due) if (!this.stopped) await this.fire(timer);

    const [next] = await this.store.query<{ waitMs: number | null }>(
      `select (extract(epoch from min(due_at) - clock_timestamp()) * 1000)::float8 as "waitMs" from timer
       where due_at > clock_timestamp()`,
    );
    return due.length === AT_ONCE ? 0 : Math.min(next?.waitMs ?? POLL_MS, POLL_MS);
  }

  private async fire(timer: DueTimer): Promise<void> {
    const { stream, name, dueAt, command, context } = timer;
    const { traceparent, ...story } = context;
    const subject = `${stream} ${name} ${dueAt}`;
    const attributes = { ...storyAttributes(story), 'holdfast.stream': stream };
    const nextStep = { root: true, links: [traceparent], attributes };
    try {
      await this.store.inTransaction(async (tx) => {
        const taken = await tx.query(
          'delete from timer where stream = $1 and name = $2 and due_at = $3::timestamptz returning 1',
          [stream, name, dueAt],
        );
        // Taken away, or set anew, since it was read.
        if (taken.length === 0) return;
        await inSpan(`due ${command.type ?? name}`, nextStep, () =>
          this.handler(stream, name, command, tx.inContext(story)),
        );
      });
      this.failures.delete(subject);
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      // One that fails stays due, and holds up no other.
      const times = (this.failures.get(subject)?.times ?? 0) + 1;
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (times - 1), LONGEST_PAUSE_MS);
      this.failures.set(subject, { times, retryAt: performance.now() + pauseMs });
      const failed = { stream, timer: name, error: (error as Error).message, times, pauseMs };
      logger('timers').error(failed, 'a timer failed and stays due');
    }
  }

  private pausing(): string[] {
    const now = performance.now();
    for (const [subject, { retryAt }] of this.failures) {
      // Not fired again long after its pause: it was taken away.
      if (now > retryAt + LONGEST_PAUSE_MS) this.failures.delete(subject);
    }
    return [...this.failures].filter(([, { retryAt }]) => retryAt > now).map(([subject]) => subject);
  }

  private rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timeout);
        resolve();
      };
      const timeout = setTimeout(done, ms);
      this.wake = done;
    });
  }
}
