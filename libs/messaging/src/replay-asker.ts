import { randomUUID } from 'node:crypto';
import { ReplayRequested, topicOf, topics } from '@holdfast/contracts';
import { logger } from '@holdfast/observability';
import type { KafkaLink } from './kafka-link';
import { encodeSample } from './wire';

const AT_ONCE = 4;
const MOST_EVENTS = 10_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

export interface Hole {
  from: number;
  to: number;
  /** Where the stream travels. Its owner listens to all partitions, an agent to its cluster's. */
  partition: number;
  partitionKey?: string | undefined;
}

interface Asking {
  hole: Hole;
  waitMs: number;
  timer: NodeJS.Timeout | null;
  since: number;
}

/** Asks the owners of streams for what is missing: at once, then after 1 s, 2 s … 60 s; four streams at a time. */
export class ReplayAsker {
  readonly #o: { kafka: KafkaLink; consumer: string; source: string; onAsked?: () => void };
  readonly #wanted = new Map<string, Asking>();
  readonly #log = logger('replay');
  #stopped = false;

  constructor(o: { kafka: KafkaLink; consumer: string; source: string; onAsked?: () => void }) {
    this.#o = o;
  }

  /** This is missing now. A hole that moved on is progress, and is asked for without waiting out the old one's pause. */
  want(stream: string, hole: Hole): void {
    const known = this.#wanted.get(stream);
    if (known !== undefined && known.hole.from === hole.from) {
      known.hole = hole;
      return;
    }
    this.satisfied(stream);
    this.#wanted.set(stream, { hole, waitMs: FIRST_WAIT_MS, timer: null, since: Date.now() });
    this.#askNext();
  }

  /** Nothing is missing any more, or nothing more will come. */
  satisfied(stream: string): void {
    const asking = this.#wanted.get(stream);
    if (asking === undefined) return;
    if (asking.timer !== null) clearTimeout(asking.timer);
    this.#wanted.delete(stream);
    this.#askNext();
  }

  /** Milliseconds for which the oldest hole is open. */
  oldestMs(): number {
    const begun = [...this.#wanted.values()].map(({ since }) => since);
    return begun.length === 0 ? 0 : Date.now() - Math.min(...begun);
  }

  stop(): void {
    this.#stopped = true;
    for (const { timer } of this.#wanted.values()) if (timer !== null) clearTimeout(timer);
    this.#wanted.clear();
  }

  #askNext(): void {
    const idle = [...this.#wanted].filter(([, { timer }]) => timer === null);
    const busy = this.#wanted.size - idle.length;
    for (const [stream, asking] of idle.slice(0, Math.max(0, AT_ONCE - busy))) this.#ask(stream, asking);
  }

  #ask(stream: string, asking: Asking): void {
    if (this.#stopped) return;
    asking.timer = setTimeout(() => this.#ask(stream, asking), asking.waitMs);
    asking.timer.unref();
    asking.waitMs = Math.min(asking.waitMs * 2, LONGEST_WAIT_MS);
    this.#o.onAsked?.();
    this.#send(stream, asking.hole).catch((error: unknown) =>
      this.#log.warn({ err: error, stream }, 'a replay was not asked for; it will be again'),
    );
  }

  async #send(stream: string, { from, to, partition, partitionKey = 'heads' }: Hole): Promise<void> {
    const { kafka, consumer, source } = this.#o;
    const toVersion = Math.min(to, from + MOST_EVENTS - 1);
    const data = { stream, partitionKey, fromVersion: from, toVersion, consumer };
    const record = encodeSample({
      id: randomUUID(),
      at: new Date().toISOString(),
      type: ReplayRequested.type,
      schemaVersion: ReplayRequested.version,
      data,
      // A stream that was only told of has no key that we know; that of heads stands in any partition.
      key: partitionKey,
      subject: ReplayRequested.subject(data),
      source,
    });
    this.#log.info(
      { stream, fromVersion: from, toVersion, topic: topicOf(stream)?.name },
      'versions are missing: asking',
    );
    await kafka.send(topics.replays.name, partition, [record]);
  }
}
