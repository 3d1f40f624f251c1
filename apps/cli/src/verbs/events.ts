import type { Row } from '../api';
import { followEvents } from '../event-stream';
import { eventsAfter, newestEvents, positionOf, type EventFilter } from '../log';
import type { Session } from '../session';
import { table } from '../table';
import { text } from '../values';
import { action, examples, type Verb } from '../verb';

interface EventsOptions {
  for?: string;
  correlation?: string;
  since?: string;
  watch?: boolean;
}

const LAST = 100;

export const events: Verb = (program, world) => {
  examples(program.command('events'), 'events --for system/s1 --since 10m', 'events --watch -o json')
    .description('the log: what was decided and observed, in order')
    .option('--for <subject>', 'only those that belong to it, such as system/s1')
    .option('--correlation <id>', 'only what one request led to')
    .option('--since <when>', 'from a position, an instant, or for a time such as 10m (default: the last 100)')
    .option('--watch', 'go on as they happen; with -o json NDJSON')
    .action(
      action<EventsOptions>(world, async (session, _given, options) => {
        if (options.watch) return follow(session, options);
        const past = await pastEvents(session, options);
        if (session.asJson) return session.json(past);
        if (past.length === 0) return session.note('no events');
        session.world.out(eventTable(session, past));
      }),
    );
};

/** Oldest first. Without --since the newest hundred. */
async function pastEvents(session: Session, options: EventsOptions): Promise<Row[]> {
  const filter = filterOf(options);
  if (options.since === undefined) return newestEvents(session, filter, LAST);
  return eventsAfter(session, filter, await positionOf(session, options.since));
}

function filterOf({ for: subject, correlation }: EventsOptions): EventFilter {
  return { ...(subject ? { subject } : {}), ...(correlation ? { correlation } : {}) };
}

async function follow(session: Session, options: EventsOptions): Promise<void> {
  const shownThrough = await showPast(session, options);
  const query = new URLSearchParams(options.for ? { subject: options.for } : {});
  for await (const event of followEvents(session, `/v1/stream?${query}`, text(shownThrough))) {
    if (options.correlation === undefined || event['correlationId'] === options.correlation) showOne(session, event);
  }
}

/** The position that the watch goes on behind, though nothing may stand there: none is missed while it connects. */
async function showPast(session: Session, options: EventsOptions): Promise<unknown> {
  if (options.since === undefined) return (await newestEvents(session, {}, 1)).at(-1)?.['position'] ?? 0;
  const after = await positionOf(session, options.since);
  const past = await eventsAfter(session, filterOf(options), after);
  past.forEach((event) => showOne(session, event));
  return past.at(-1)?.['position'] ?? after;
}

function showOne(session: Session, event: Row): void {
  if (session.asJson) return session.jsonLine(event);
  const [position = '', at = '', type = '', stream = ''] = cells(event);
  session.line(`${position.padStart(8)}  ${at}  ${type.padEnd(26)}  ${stream}`);
}

export function eventTable(session: Session, list: readonly Row[]): string {
  return table(session.world, ['POSITION', 'AT', 'EVENT', 'STREAM'], list.map(cells));
}

function cells({ position, at, type, stream, version }: Row): string[] {
  return [text(position), text(at).replace(/(\.\d{3})\d*Z$/, '$1Z'), text(type), `${text(stream)}@${text(version)}`];
}
