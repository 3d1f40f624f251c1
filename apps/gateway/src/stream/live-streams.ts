import type { Response } from 'express';
import { once } from 'node:events';
import type { Feed } from '../feed/feed';
import { subjectsOf } from '../feed/feed';
import type { FeedEvent } from '../projections/projection';
import type { Call } from '../routes/route';
import { Conflator } from './conflate';

const COMMENT_MS = 15_000;
const BATCH = 500;
const RECONNECT_MS = 1_000;

interface Sample {
  readonly type: string;
  readonly subject: string;
  readonly data: object;
  readonly appendedAt: string;
}

interface Query {
  topics?: string;
  subject?: string;
  since?: number;
}

/** The feed as it grows, to any number of listeners. Each reads it for itself, so none can miss or repeat a position. */
export class LiveStreams {
  private readonly listeners = new Set<{ offer(sample: Sample): void; response: Response }>();
  private ending = false;

  constructor(
    private readonly feed: Feed,
    private readonly samplesPerSec: number,
  ) {}

  get clients(): number {
    return this.listeners.size;
  }

  sample(sample: Sample): void {
    for (const listener of this.listeners) listener.offer(sample);
  }

  /** Before the process stops: listeners come back in a second, to whoever is here then. */
  end(): void {
    this.ending = true;
    for (const { response } of this.listeners) response.end(`retry: ${RECONNECT_MS}\n\n`);
    this.feed.wake();
  }

  async serve(
    call: Call,
    { lastEventId, response }: { lastEventId: string | undefined; response: Response },
  ): Promise<void> {
    const query = call.query as Query;
    const fits = filterOf(query);
    const from = await this.start(lastEventId, query.since);
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.write(
      from.reset ? `event: reset\ndata: ${JSON.stringify({ position: from.position })}\n\n` : ': open\n\n',
    );

    const conflator = new Conflator<Sample>(1_000 / this.samplesPerSec, (sample) => {
      // Whoever cannot keep up with events gets no samples: a newer one will come.
      if (!response.writableNeedDrain && !response.writableEnded) response.write(frame(sample.type, sample));
    });
    const offer = (sample: Sample) => {
      if (fits.sample(sample)) conflator.offer(`${sample.type} ${sample.subject}`, sample);
    };
    const listener = { offer, response };
    this.listeners.add(listener);
    try {
      await this.follow({ position: from.position, fits: fits.event, response, gone: call.gone });
    } finally {
      conflator.close();
      this.listeners.delete(listener);
      response.end();
    }
  }

  /** A position beyond the head is of another feed: whoever holds it must read all anew. */
  private async start(lastEventId: string | undefined, since: number | undefined) {
    const { position: head } = await this.feed.head();
    const told = lastEventId === undefined ? since : Number(lastEventId);
    if (told === undefined) return { position: head, reset: false };
    const isOurs = Number.isInteger(told) && told >= 0 && told <= head;
    return isOurs ? { position: told, reset: false } : { position: head, reset: true };
  }

  private async follow(of: {
    position: number;
    fits(event: FeedEvent): boolean;
    response: Response;
    gone: AbortSignal;
  }) {
    const { fits, response, gone } = of;
    let { position } = of;
    let commentAt = Date.now() + COMMENT_MS;
    while (!gone.aborted && !this.ending) {
      // Asked for before the read: what is committed during it wakes the next turn at once.
      const grown = this.feed.grown(Math.max(0, Math.min(1_000, commentAt - Date.now())));
      const events = await this.feed.after(position, BATCH);
      for (const event of events.filter(fits)) {
        // Ended while we waited for room or for the feed: a write would be an error that nobody listens to.
        if (response.writableEnded) return;
        const room = response.write(`id: ${event.position}\n${frame(event.type, event)}`);
        if (!room) await once(response, 'drain', { signal: gone }).catch(ignoreAbort);
      }
      position = events.at(-1)?.position ?? position;
      if (Date.now() >= commentAt && !response.writableEnded) {
        response.write(`: ${position}\n\n`);
        commentAt = Date.now() + COMMENT_MS;
      }
      if (events.length === 0) await grown;
    }
  }
}

/** The listener has gone while we waited for room: the loop sees it too. */
function ignoreAbort(error: unknown): void {
  if ((error as { name?: string }).name !== 'AbortError') throw error;
}

const frame = (type: string, data: object): string => `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;

function filterOf({ topics, subject }: Query) {
  const wanted = topics?.split(',').map((name) => (name.includes('.') ? name : `holdfast.${name}`));
  return {
    event: (event: FeedEvent) =>
      (wanted === undefined || wanted.includes(event.topic)) &&
      (subject === undefined || subjectsOf(event).includes(subject)),
    sample: (sample: Sample) =>
      (wanted?.includes('holdfast.samples') ?? false) && (subject === undefined || sample.subject === subject),
  };
}
