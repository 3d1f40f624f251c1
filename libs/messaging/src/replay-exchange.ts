import { ReplayRefused, ReplayRequested, type SampleOf } from '@holdfast/contracts';
import type { Incoming } from './wire';

export type ReplayRequest = SampleOf<typeof ReplayRequested>['data'];
export type ReplayRefusal = SampleOf<typeof ReplayRefused>['data'];

type Listener<T> = (said: T, partition: number) => Promise<void>;

/** Hands what this process hears on `holdfast.replays` to whoever owns or misses the stream. */
export class ReplayExchange {
  readonly #asked: Listener<ReplayRequest>[] = [];
  readonly #refused: Listener<ReplayRefusal>[] = [];

  onRequested(listener: Listener<ReplayRequest>): void {
    this.#asked.push(listener);
  }

  onRefused(listener: Listener<ReplayRefusal>): void {
    this.#refused.push(listener);
  }

  /** What nobody can read is dropped: whoever misses events asks again. */
  async hear(record: Incoming): Promise<void> {
    if (record.kind !== 'sample') return;
    if (record.type === ReplayRequested.type) {
      const { success, data } = ReplayRequested.schema.safeParse(record.data);
      if (success) for (const listener of this.#asked) await listener(data, record.partition);
    }
    if (record.type === ReplayRefused.type) {
      const { success, data } = ReplayRefused.schema.safeParse(record.data);
      if (success) for (const listener of this.#refused) await listener(data, record.partition);
    }
  }
}
