import {
  afterApplying,
  afterBlocking,
  afterHearingOf,
  firstHole,
  unknownStream,
  verdictOn,
  type StreamHead,
  type Versioned,
} from './stream-head';

interface Recorded extends Versioned {
  readonly stream: string;
}

export interface Offered<R> {
  /** To be applied now, in this order; the heads have moved past them. */
  ready: R[];
  /** Another event stands at the version that was applied: the stream is blocked. */
  forked: boolean;
}

/**
 * The inbox of a process without a database: heads are kept by the caller (an agent's journal), what waits stays in
 * memory and is asked for again after a start.
 */
export class StreamTracker<R extends Recorded> {
  readonly #heads: Map<string, StreamHead>;
  readonly #waiting = new Map<string, Map<number, R>>();
  readonly #adoptUnknown: boolean;

  /** `adoptUnknown`: a new journal begins in the middle, at the first version it meets of each stream. */
  constructor(heads: Iterable<readonly [string, StreamHead]> = [], o: { adoptUnknown?: boolean } = {}) {
    this.#heads = new Map(heads);
    this.#adoptUnknown = o.adoptUnknown ?? false;
  }

  offer(record: R): Offered<R> {
    const head = this.#headBefore(record.stream, record.version);
    const verdict = verdictOn(head, record);
    if (verdict === 'apply') return { ready: this.#applyFrom(head, record), forked: false };

    if (verdict === 'wait') this.#waitingOf(record.stream).set(record.version, record);
    const after = verdict === 'forked' ? afterBlocking(head) : afterHearingOf(head, record.version);
    this.#heads.set(record.stream, after);
    return { ready: [], forked: verdict === 'forked' };
  }

  /** The owner tells where the stream is. An unknown one is adopted there, its past unseen. */
  tell(stream: string, version: number, eventId: string): void {
    const known = this.#heads.get(stream);
    if (known === undefined && this.#adoptUnknown) {
      this.#heads.set(stream, { version, eventId, told: version, state: 'flowing' });
    } else {
      this.#heads.set(stream, afterHearingOf(known ?? unknownStream, version));
    }
  }

  block(stream: string): void {
    this.#heads.set(stream, afterBlocking(this.head(stream)));
  }

  head(stream: string): StreamHead {
    return this.#heads.get(stream) ?? unknownStream;
  }

  heads(): [string, StreamHead][] {
    return [...this.#heads];
  }

  /** What has to be asked for, stream by stream. */
  holes(): { stream: string; from: number; to: number }[] {
    return this.heads().flatMap(([stream, head]) => {
      const hole = firstHole(head, [...(this.#waiting.get(stream)?.keys() ?? [])]);
      return hole === null ? [] : [{ stream, ...hole }];
    });
  }

  #headBefore(stream: string, version: number): StreamHead {
    const known = this.#heads.get(stream);
    if (known !== undefined || !this.#adoptUnknown) return known ?? unknownStream;
    return { ...unknownStream, version: version - 1, told: version - 1 };
  }

  #applyFrom(head: StreamHead, first: R): R[] {
    const waiting = this.#waitingOf(first.stream);
    const ready: R[] = [];
    for (let next: R | undefined = first; next !== undefined; next = waiting.get(head.version + 1)) {
      head = afterApplying(head, next);
      waiting.delete(next.version);
      ready.push(next);
    }
    this.#heads.set(first.stream, head);
    return ready;
  }

  #waitingOf(stream: string): Map<number, R> {
    const found = this.#waiting.get(stream) ?? new Map<number, R>();
    this.#waiting.set(stream, found);
    return found;
  }
}
