import type { LoggedEvent } from './event';

/** What every stream of the log has told so far. */
export class StreamsState {
  private readonly heads = new Map<string, number>();
  private readonly ids = new Set<string>();

  /** Whether the log is read from its first event: else a stream may begin anywhere. */
  constructor(private readonly whole: boolean) {}

  /** The version that must come next; undefined: any. */
  nextOf(stream: string): number | undefined {
    const head = this.heads.get(stream);
    return head === undefined && !this.whole ? undefined : (head ?? 0) + 1;
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }

  advance({ stream, version, id }: LoggedEvent): void {
    this.heads.set(stream, Math.max(version, this.heads.get(stream) ?? 0));
    this.ids.add(id);
  }
}
