import type { EventContract } from '@holdfast/contracts';
import type { FeedEvent, Told } from '../projections/projection';

/** The answer to "why is it so?": the event that decided, what it saw and rejected, and how it came to that. */
export interface Why {
  readonly subject: string;
  readonly headline: string;
  readonly lines: readonly { label: string; text: string }[];
  /** From the first cause to the last effect. */
  readonly chain: readonly FeedEvent[];
}

export function is<C extends EventContract>(event: FeedEvent | undefined, contract: C): event is FeedEvent & Told<C> {
  return event?.type === contract.type;
}

/** The newest event of any of these kinds. */
export function lastOf<Cs extends EventContract[]>(
  events: readonly FeedEvent[],
  ...contracts: Cs
): Told<Cs[number]> | undefined {
  return events.findLast((event) => contracts.some((contract) => is(event, contract))) as Told<Cs[number]> | undefined;
}

/** Where an event stands, as one writes it: `cluster-health-c1@5181`. */
export const placeOf = ({ stream, version }: { stream: string; version: number }): string => `${stream}@${version}`;

/** `10:42:06.27`: a time of today, as a person reads it. */
export const clock = (instant: string): string => instant.slice(11, 22).replace('Z', '');

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Each event once, in the order of the feed. */
export function chainOf(events: readonly (FeedEvent | undefined)[]): FeedEvent[] {
  const byPosition = new Map(events.flatMap((event) => (event ? [[event.position, event] as const] : [])));
  return [...byPosition.values()].sort((a, b) => a.position - b.position);
}
