import type { EventContract } from '@holdfast/contracts';
import type { z } from 'zod';
import type { FeedEvent, Projection } from '../projections/projection';

type DataOf<C extends EventContract> = z.input<C['schema']>;

export const AT = '2026-03-01T10:42:06.270000Z';
export const REQUEST = '00000000-0000-4000-8000-000000000001';
export const OTHER_REQUEST = '00000000-0000-4000-8000-000000000002';
export const ACTOR = { tokenId: '00000000-0000-4000-8000-0000000000aa', role: 'admin' as const };
export const INCARNATION = '00000000-0000-4000-8000-0000000000bb';
export const asked = { requestId: REQUEST, actor: ACTOR };

/** An event as the feed tells it; its data is checked against the contract. */
export function told<C extends EventContract>(contract: C, data: DataOf<C>, more: Partial<FeedEvent> = {}): FeedEvent {
  return {
    position: 0,
    knownAt: AT,
    topic: 'holdfast.test',
    stream: 'test-1',
    version: 1,
    id: '00000000-0000-4000-8000-0000000000cc',
    at: AT,
    type: contract.type,
    data: contract.schema.parse(data),
    correlationId: null,
    causationId: null,
    ...more,
  };
}

/** The same events, each at its own position and under its own id. */
export function story(...events: FeedEvent[]): FeedEvent[] {
  return events.map((event, index) => ({
    ...event,
    position: index + 1,
    version: index + 1,
    id: `00000000-0000-4000-9000-${String(index + 1).padStart(12, '0')}`,
  }));
}

/** All rows that a projection makes of these events: what the projector does, in memory. */
export function rowsOf<Row extends object>(
  projection: Projection<Row>,
  events: readonly FeedEvent[],
): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const event of events) {
    for (const rule of projection.rules.get(event.type) ?? []) {
      for (const touch of rule.touches(event)) {
        const keys = 'key' in touch ? [touch.key] : matching(rows, touch);
        for (const key of keys) put(rows, key, rule.fold(rows.get(key), event, key));
      }
    }
  }
  return rows;
}

function matching(rows: Map<string, object>, { field, equals }: { field: string; equals: string }): string[] {
  return [...rows].filter(([, row]) => (row as Record<string, unknown>)[field] === equals).map(([key]) => key);
}

function put<Row>(rows: Map<string, Row>, key: string, row: Row | undefined): void {
  if (row) rows.set(key, row);
  else rows.delete(key);
}
