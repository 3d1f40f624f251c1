import { randomUUID } from 'node:crypto';
import { ReplayRequested, topicOf, topics } from '@holdfast/contracts';
import { logger } from '@holdfast/observability';
import type { KafkaLink } from './kafka-link';
import { encodeSample } from './wire';

const AT_ONCE = 4;
/** How long an answer may take before the next stream is asked for beside it. */
const ANSWER_MS = 250;
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
  dueAt: number;
  since: number;
}

/**
 * Asks the owners of streams for what is missing: at once, then after 1 s, 2 s … 60 s; four streams at a time, and whoever
 * waits longest first. One that nobody answers keeps its slot no longer than an answer takes, so it keeps no other waiting.
 */
export class ReplayAsker {
  readonly #o: { kafka: KafkaLink; consumer: string; source: string; onAsked?: () => void };
  readonly #wanted = new Map<string, Asking>();
  /** Those that were just asked for, each with the end of its slot. */
  readonly #slots = new Map<string, NodeJS.Timeout>();
  readonly #log = logger('replay');
  #wake: NodeJS.Timeout | undefined;
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
    this.#forget(stream);
    const now = Date.now();
    this.#wanted.set(stream, { hole, waitMs: FIRST_WAIT_MS, dueAt: now, since: now });
    this.#askNext();
  }

  /** Nothing is missing any more, or nothing more will come. */
  satisfied(stream: string): void {
    if (this.#forget(stream)) this.#askNext();
  }

  /** Milliseconds for which the oldest hole is open. */
  oldestMs(): number {
    const begun = [...this.#wanted.values()].map(({ since }) => since);
    return begun.length === 0 ? 0 : Date.now() - Math.min(...begun);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#wake);
    for (const slot of this.#slots.values()) clearTimeout(slot);
    this.#slots.clear();
    this.#wanted.clear();
  }

  #forget(stream: string): boolean {
    this.#free(stream);
    return this.#wanted.delete(stream);
  }

  #free(stream: string): void {
    clearTimeout(this.#slots.get(stream));
    this.#slots.delete(stream);
  }

  #askNext(): void {
    // With all slots taken, the first to end comes here again: many holes cost nothing meanwhile.
    if (this.#stopped || this.#slots.size >= AT_ONCE) return;
    clearTimeout(this.#wake);
    const waiting = [...this.#wanted].filter(([stream]) => !this.#slots.has(stream));
    waiting.sort(([, one], [, other]) => one.dueAt - other.dueAt);
    for (const [stream, asking] of waiting) {
      if (this.#slots.size >= AT_ONCE) return;
      const inMs = asking.dueAt - Date.now();
      if (inMs > 0) {
        this.#wake = setTimeout(() => this.#askNext(), inMs).unref();
        return;
      }
      this.#ask(stream, asking);
    }
  }

  #ask(stream: string, asking: Asking): void {
    const end = () => {
      this.#free(stream);
      this.#askNext();
    };
    this.#slots.set(stream, setTimeout(end, ANSWER_MS).unref());
    asking.dueAt = Date.now() + asking.waitMs;
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
