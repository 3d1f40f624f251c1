import { inSpan, logger, storyAttributes } from '@holdfast/observability';
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

const POLL_MS = 1_000;
const RETRY_MS = 1_000;
const AT_ONCE = 100;

/** Turns rows into commands when they are due. Of all processes of a service, one does so. */
export class Timers {
  private readonly lock: SessionLock;
  private readonly failed = new Map<string, number>();
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
      let restMs = RETRY_MS;
      try {
        if (await this.lock.hold()) restMs = await this.fireDue();
      } catch (error) {
        // The store is away: timers wait with everything else.
        logger('timers').warn({ error: (error as Error).message }, 'timers wait for the store');
      }
      if (!this.stopped) await this.rest(restMs);
    }
  }

  /** Fires what is due. How long nothing else will be. */
  private async fireDue(): Promise<number> {
    const due = await this.store.query<DueTimer>(
      `select stream, name, due_at::text as "dueAt", command, context from timer
       where due_at <= clock_timestamp() order by due_at limit ${AT_ONCE}`,
    );
    for (const timer of due) if (!this.stopped && this.mayTry(timer)) await this.fire(timer);

    const [next] = await this.store.query<{ waitMs: number | null }>(
      `select (extract(epoch from min(due_at) - clock_timestamp()) * 1000)::float8 as "waitMs" from timer
       where due_at > clock_timestamp()`,
    );
    return due.length === AT_ONCE ? 0 : Math.min(next?.waitMs ?? POLL_MS, POLL_MS);
  }

  private async fire(timer: DueTimer): Promise<void> {
    const { stream, name, dueAt, command, context } = timer;
    const { traceparent, ...story } = context;
    const subject = `${stream} ${name}`;
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
      this.failed.delete(subject);
    } catch (error) {
      // One that fails stays due, and holds up no other.
      this.failed.set(subject, performance.now());
      logger('timers').error({ stream, timer: name, error: (error as Error).message }, 'a timer failed and stays due');
    }
  }

  private mayTry({ stream, name }: DueTimer): boolean {
    const failedAt = this.failed.get(`${stream} ${name}`);
    return failedAt === undefined || performance.now() - failedAt >= RETRY_MS;
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
