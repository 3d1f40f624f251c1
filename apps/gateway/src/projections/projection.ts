import type { EventContract, EventOf, Instant } from '@holdfast/contracts';

/** An event as the gateway learned of it: `position` is its place in the feed, the same for every reader. */
export interface FeedEvent {
  readonly position: number;
  readonly knownAt: Instant;
  readonly topic: string;
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly at: Instant;
  readonly type: string;
  readonly data: unknown;
  readonly correlationId: string | null;
  readonly causationId: string | null;
}

/** A feed event whose type is known. */
export type Told<C extends EventContract> = Omit<FeedEvent, 'type' | 'data'> & EventOf<C>;

export function is<C extends EventContract>(event: FeedEvent | undefined, contract: C): event is FeedEvent & Told<C> {
  return event?.type === contract.type;
}

/** Which rows an event may change: one by its key, or all those with this value in a field. */
export type Touch = { readonly key: string } | { readonly field: string; readonly equals: string };

/** What one type of event does to the rows that it touches. Nothing back: there is no such row any more. */
export interface Rule<Row> {
  readonly type: string;
  touches(event: FeedEvent): Touch[];
  fold(row: Row | undefined, event: FeedEvent, key: string): Row | undefined;
}

/** A list that only ever grows: PostgreSQL finds its pages, so that one costs what it holds and not all that ever was. */
export interface Endless {
  /** The field that is the row's key. */
  readonly by: string;
  /** The usual order, as a list's `sort`: it has an index. */
  readonly sort: string;
  /** The field that is filtered by most: it has an index too. */
  readonly filter: string;
  /** The rows with this value are left out, unless it is what is asked for. */
  readonly omits: { readonly field: string; readonly equals: string };
  /** Fields that are shown as they stand in the row, text or null: PostgreSQL can sort and filter by these alone. */
  readonly plain: readonly string[];
  /** How many are looked at when another field is asked for: the first in the usual order. Not said: all. */
  readonly atMost?: number;
}

/** Rows folded from the feed by pure rules. Events of other topics may come in another order after an outage. */
export interface Projection<Row = object> {
  readonly name: string;
  readonly rules: ReadonlyMap<string, readonly Rule<Row>[]>;
  readonly endless?: Endless;
}

export function defineProjection<Row>(name: string, rules: readonly Rule<Row>[], endless?: Endless): Projection<Row> {
  const byType = new Map<string, Rule<Row>[]>();
  for (const rule of rules) byType.set(rule.type, [...(byType.get(rule.type) ?? []), rule]);
  return { name, rules: byType, ...(endless && { endless }) };
}

/** `on` for rows of this kind: an event, the rows that it touches, and what becomes of each. */
export function rulesFor<Row>() {
  return function on<C extends EventContract>(
    contract: C,
    touches: (event: Told<C>) => string | Touch | Touch[],
    fold: (row: Row | undefined, event: Told<C>, key: string) => Row | undefined,
  ): Rule<Row> {
    return {
      type: contract.type,
      touches: (event) => {
        const touched = touches(event as Told<C>);
        if (typeof touched === 'string') return [{ key: touched }];
        return Array.isArray(touched) ? touched : [touched];
      },
      fold: (row, event, key) => fold(row, event as Told<C>, key),
    };
  };
}

/** The table that holds a projection's rows, as they stand. */
export const rowsTableOf = (name: string): string => `rows_${name.replaceAll('-', '_')}`;
/** The table that holds all that they ever were. */
export const historyTableOf = (name: string): string => `history_${name.replaceAll('-', '_')}`;
