import type { Page, Row } from './api';
import { usage } from './failure';
import type { Session } from './session';
import { parseDuration, text } from './values';

export interface EventFilter {
  subject?: string;
  correlation?: string;
}

const PAGE = 500;

async function page(session: Session, query: Readonly<Record<string, string>>): Promise<Page> {
  return (await session.api.one(`/v1/events?${new URLSearchParams(query)}`)) as unknown as Page;
}

/** The last so many, oldest first. */
export async function newestEvents(session: Session, filter: EventFilter, limit: number): Promise<Row[]> {
  return (await page(session, { ...filter, order: 'newest', limit: String(limit) })).items;
}

/** All after a position, oldest first. */
export async function eventsAfter(session: Session, filter: EventFilter, position: number): Promise<Row[]> {
  const found: Row[] = [];
  for await (const { items } of pagesAfter(session, filter, position)) found.push(...items);
  return found;
}

/** The same, page by page: a position is a cursor that stays where it is, whatever is appended meanwhile. */
export async function* pagesAfter(session: Session, filter: EventFilter, position: number): AsyncGenerator<Page> {
  for (let from = position; ;) {
    const next = await page(session, { ...filter, since: String(from), limit: String(PAGE) });
    yield next;
    if (next.items.length < PAGE) return;
    from = Number(next.items.at(-1)?.['position']);
  }
}

/** `5181`, an instant, or a time such as `10m`: as the position after which to read. */
export async function positionOf(session: Session, given: string): Promise<number> {
  if (/^\d+$/.test(given)) return Number(given);
  // JavaScript reads -5 as a year.
  if (given.startsWith('-')) throw usage(`${given} is before all time`, 'write 5181, 2026-03-01T10:42:00Z or 10m');
  const isDuration = /^\d[\d.]*\s*(ms|s|m|h|d)$/.test(given);
  const instant = isDuration ? session.world.now() - parseDuration(given) : Date.parse(given);
  if (instant > session.world.now())
    throw usage(`${given} is in the future`, 'write an instant that has passed, or a time such as 10m');
  if (!Number.isNaN(instant)) return lastBefore(session, instant);
  throw usage(`${given} is neither a position, an instant nor a duration`, 'write 5181, 2026-03-01T10:42:00Z or 10m');
}

/** Positions rise with the time at which the gateway heard of an event, so twenty questions find one in a million. */
async function lastBefore(session: Session, instant: number): Promise<number> {
  const { asOf } = await page(session, { limit: '1' });
  let low = 0;
  let high = asOf.position;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [event] = (await page(session, { since: String(middle), limit: '1' })).items;
    if (event === undefined || Date.parse(text(event['knownAt'])) >= instant) high = middle;
    else low = Number(event['position']);
  }
  return low;
}
