import type { EventContract } from '@holdfast/contracts';
import { is, type FeedEvent, type Told } from '../projections/projection';

export { is };

/** The answer to "why is it so?": the event that decided, what it saw and rejected, and how it came to that. */
export interface Why {
  readonly subject: string;
  readonly headline: string;
  readonly lines: readonly { label: string; text: string }[];
  /** From the first cause to the last effect. */
  readonly chain: readonly FeedEvent[];
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

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
const unitOf = (bytes: number): number =>
  bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log(bytes) / Math.log(1_024)));
const inUnit = (bytes: number, unit: number): string => String(Math.round((bytes / 1_024 ** unit) * 10) / 10);

/** `48 MiB`. */
export const amount = (bytes: number): string => `${inUnit(bytes, unitOf(bytes))} ${UNITS[unitOf(bytes)]}`;

/** `48 of 128 MiB`. */
export function portion(done: number, total: number | null): string {
  if (total === null || total === 0) return amount(done);
  return `${inUnit(done, unitOf(total))} of ${amount(total)}`;
}

/** Each event once, in the order of the feed. */
export function chainOf(events: readonly (FeedEvent | undefined)[]): FeedEvent[] {
  const byPosition = new Map(events.flatMap((event) => (event ? [[event.position, event] as const] : [])));
  return [...byPosition.values()].sort((a, b) => a.position - b.position);
}
