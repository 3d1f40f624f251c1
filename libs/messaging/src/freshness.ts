import type { Instant } from '@holdfast/contracts';

export interface PartitionFreshness {
  /** Append time of the newest record that was taken in. */
  asOf: Instant | null;
  behindRecords: number;
  /** Since anything was read there. Heads come each 5 s, so more than that is a stall. */
  stalledMs: number;
  /** For how long one and the same batch fails and is tried again. */
  retriedMs: number;
}

interface Reading {
  asOf: Instant | null;
  behindRecords: number;
  readAt: number;
  failingSince?: number | undefined;
}

/** How far and how fresh this process reads each partition; its pulse is `StreamHeadsObserved`. */
export class Freshness {
  readonly #partitions = new Map<string, Reading>();

  of(topic: string, partition: number): PartitionFreshness {
    const found = this.#partitions.get(`${topic}/${partition}`);
    if (found === undefined) return { asOf: null, behindRecords: 0, stalledMs: Infinity, retriedMs: 0 };
    const { asOf, behindRecords, readAt, failingSince } = found;
    const now = performance.now();
    return { asOf, behindRecords, stalledMs: now - readAt, retriedMs: now - (failingSince ?? now) };
  }

  all(): ({ topic: string; partition: number } & PartitionFreshness)[] {
    return [...this.#partitions.keys()].map((key) => {
      const cut = key.lastIndexOf('/');
      const [topic, partition] = [key.slice(0, cut), Number(key.slice(cut + 1))];
      return { topic, partition, ...this.of(topic, partition) };
    });
  }

  /** This partition is ours now, from here on. */
  assigned(topic: string, partition: number): void {
    const key = `${topic}/${partition}`;
    const known = this.#partitions.get(key);
    const now = { readAt: performance.now(), failingSince: undefined };
    this.#partitions.set(key, { asOf: null, behindRecords: 0, ...known, ...now });
  }

  /** Ours are these alone: others are read by another member of the group. */
  keepOnly(assignment: Readonly<Record<string, readonly number[]>>): void {
    for (const { topic, partition } of this.all()) {
      const elsewhere = assignment[topic] !== undefined && !assignment[topic].includes(partition);
      if (elsewhere) this.#partitions.delete(`${topic}/${partition}`);
    }
  }

  /** A batch of ours failed, again or for the first time; so many records are not handled yet. */
  failed(topic: string, partition: number, behindRecords: number): void {
    const found = this.#partitions.get(`${topic}/${partition}`);
    if (found === undefined) return;
    found.behindRecords = Math.max(found.behindRecords, behindRecords);
    found.failingSince ??= performance.now();
  }

  took(topic: string, partition: number, read: { asOf: Instant; behindRecords: number }): void {
    this.#partitions.set(`${topic}/${partition}`, { ...read, readAt: performance.now() });
  }
}
