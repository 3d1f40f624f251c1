import type { Feed, Moment } from '../feed/feed';
import type { Projector } from '../feed/projector';
import { Problem } from '../http/problem';

/** What was just read from the feed is folded within moments: it is worth waiting for. */
const FOLDED_WITHIN_MS = 1_000;

/** `5181`, or an instant: then the last position known at that time. */
export async function pastOf(asked: string, of: { feed: Feed; projector: Projector }): Promise<Moment> {
  const { feed, projector } = of;
  const past = /^\d+$/.test(asked) ? await feed.at(Number(asked)) : await feed.knownAt(asked);
  if (!past || !(await projector.reached(past.position, FOLDED_WITHIN_MS))) throw await outOfRange(asked, of);
  return past;
}

async function outOfRange(asked: string, { feed, projector }: { feed: Feed; projector: Projector }): Promise<Problem> {
  const [first, last] = await Promise.all([feed.at(1), feed.at(projector.position())]);
  if (!first || !last)
    return new Problem('AS_OF_OUT_OF_RANGE', `asOf=${asked}: nothing is known yet`, {
      remedy: 'ask once the log has been read: `holdfast get projections` says how far it is',
    });
  const range = { from: first, to: last };
  const told = `from position ${first.position} (${first.at}) to ${last.position} (${last.at})`;
  return new Problem('AS_OF_OUT_OF_RANGE', `asOf=${asked} is out of range: this gateway knows ${told}`, {
    remedy: `ask for a position ${first.position} to ${last.position}, or an instant from ${first.at} until now`,
    more: { range },
  });
}
