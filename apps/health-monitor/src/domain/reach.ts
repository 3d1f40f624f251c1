import { HEARTBEAT_MS, MEMORY_MS, UNREACHED_MS, UNREACHED_WINDOW_MS } from './numbers';

/** A time on the log clock, in which something held. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** When one prober failed to reach one node: each miss beyond the first speaks until the next probe, a second at most. */
export class UnreachedTrail {
  private readonly past: Span[] = [];

  /** One probe more. `fails`: it missed, and so did the one before it. */
  add(fails: boolean, atMs: number): void {
    const last = this.past.at(-1);
    // This probe speaks from here on, and goes on with what it confirms.
    if (last && last.toMs >= atMs) this.past.pop();
    const fromMs = last && last.toMs >= atMs ? last.fromMs : atMs;
    const toMs = fails ? atMs + HEARTBEAT_MS : atMs;
    if (toMs > fromMs) this.past.push({ fromMs, toMs });
    while (this.past[0] && this.past[0].toMs <= atMs - MEMORY_MS) this.past.shift();
  }

  get spans(): readonly Span[] {
    return this.past;
  }
}

/** When at least so many of them held at once. */
export function heldTogether(trails: readonly (readonly Span[])[], atLeast: number): Span[] {
  const turns = trails
    .flat()
    .flatMap(({ fromMs, toMs }) => [
      { atMs: fromMs, by: 1 },
      { atMs: toMs, by: -1 },
    ])
    // What begins where another ends goes on without a break.
    .sort((one, other) => one.atMs - other.atMs || other.by - one.by);
  const together: Span[] = [];
  let holding = 0;
  let fromMs = 0;
  for (const { atMs, by } of turns) {
    if (by === 1 && ++holding === atLeast) fromMs = atMs;
    if (by === -1 && holding-- === atLeast && atMs > fromMs) together.push({ fromMs, toMs: atMs });
  }
  return together;
}

/** Unreached for 3 of the 5 s before `toMs`, of which what lies before `fromMs` does not count. */
export function isUnreached(spans: readonly Span[], { fromMs, toMs }: Span): boolean {
  const beginMs = Math.max(fromMs, toMs - UNREACHED_WINDOW_MS);
  const heldMs = spans.reduce(
    (sum, span) => sum + Math.max(0, Math.min(span.toMs, toMs) - Math.max(span.fromMs, beginMs)),
    0,
  );
  return heldMs >= UNREACHED_MS;
}
