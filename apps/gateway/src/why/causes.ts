import type { FeedEvent } from '../projections/projection';

export interface Cause {
  readonly event: FeedEvent;
  readonly effects: Cause[];
}

/** The whole story of one correlation as a tree: each event under the one that led to it. */
export function causeTree(events: readonly FeedEvent[]): Cause[] {
  const nodes = new Map(events.map((event) => [event.id, { event, effects: [] as Cause[] }]));
  const roots: Cause[] = [];
  for (const node of nodes.values()) {
    const { id, causationId } = node.event;
    const cause = causationId === null || causationId === id ? undefined : nodes.get(causationId);
    (cause?.effects ?? roots).push(node);
  }
  return roots;
}
