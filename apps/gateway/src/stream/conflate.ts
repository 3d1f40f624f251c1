/** Lets through at most one item per key and interval: the first at once, then the newest when the interval is over. */
export class Conflator<T> {
  private readonly slots = new Map<string, { newest: T | undefined; timer: NodeJS.Timeout }>();

  constructor(
    private readonly intervalMs: number,
    private readonly send: (item: T) => void,
  ) {}

  offer(key: string, item: T): void {
    const slot = this.slots.get(key);
    if (slot) {
      slot.newest = item;
      return;
    }
    this.send(item);
    this.slots.set(key, { newest: undefined, timer: setTimeout(() => this.turn(key), this.intervalMs) });
  }

  close(): void {
    for (const { timer } of this.slots.values()) clearTimeout(timer);
    this.slots.clear();
  }

  private turn(key: string): void {
    const newest = this.slots.get(key)?.newest;
    this.slots.delete(key);
    if (newest !== undefined) this.offer(key, newest);
  }
}
