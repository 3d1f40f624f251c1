import { topics } from '@holdfast/contracts';
import { logger } from '@holdfast/observability';
import { rejectedMessages } from './metrics';

const MINUTE_MS = 60_000;

/** Counts every record that no rule saw, and says so once per sender, reason and minute. */
export class Rejections {
  private readonly saidAt = new Map<string, number>();
  private readonly log = logger('observer');

  count(reason: string, subject: string): void {
    rejectedMessages().inc({ topic: topics.samples.name, reason });
    const key = `${subject} ${reason}`;
    const nowMs = performance.now();
    if (nowMs - (this.saidAt.get(key) ?? -Infinity) < MINUTE_MS) return;
    // Senders may invent subjects: what was said a minute ago is forgotten.
    for (const [old, atMs] of this.saidAt) if (nowMs - atMs >= MINUTE_MS) this.saidAt.delete(old);
    this.saidAt.set(key, nowMs);
    this.log.warn({ reason, subject }, 'samples are dropped');
  }
}
