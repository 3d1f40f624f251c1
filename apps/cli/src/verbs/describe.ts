import type { AsOf, Row } from '../api';
import { AS_OF, warnOfAge } from '../as-of';
import type { Kind } from '../kinds';
import { newestEvents } from '../log';
import type { Session } from '../session';
import { findSubject, type Subject } from '../subjects';
import { labelled } from '../table';
import { text } from '../values';
import { action, type Verb } from '../verb';
import { eventTable } from './events';

const LAST_EVENTS = 10;
const LOOK_BACK_EVENTS = 500;

export const describe: Verb = (program, world) => {
  program
    .command('describe <subject>')
    .description('all of one thing, its last ten events and what may be done with it')
    .option(...AS_OF)
    .action(
      action(world, async (session, [given = '']) => describeSubject(session, await findSubject(session, given))),
    );
};

export async function describeSubject(session: Session, { kind, id, row }: Subject): Promise<void> {
  const asOf = row['asOf'] as AsOf | undefined;
  warnOfAge(session, asOf, 'this');
  const through = session.past.asOf === undefined ? undefined : asOf?.position;
  const items = await lastEvents(session, subjectOf(kind, id, row), through);
  if (session.asJson) return session.json({ ...row, events: items });
  session.line(`${kind.singular}/${id}`);
  session.world.out(labelled(session.world, flat(row)));
  showActions(session, row['actions']);
  if (items.length > 0) session.world.out(`\nlast events\n${eventTable(session, items)}`);
}

/** Up to a position, if one is given: the log answers from its end, so that there is a limit to how far it is looked back. */
async function lastEvents(session: Session, subject: string, through: number | undefined): Promise<Row[]> {
  if (through === undefined) return newestEvents(session, { subject }, LAST_EVENTS);
  const newest = await newestEvents(session, { subject }, LOOK_BACK_EVENTS);
  return newest.filter(({ position }) => Number(position) <= through).slice(-LAST_EVENTS);
}

/** Events name the stream that stopped, not our name for the place. */
function subjectOf({ singular }: Kind, id: string, row: Row): string {
  return singular === 'parked-event' ? `stream/${text(row['stream'])}` : `${singular}/${id}`;
}

/** Nested values as `serving.state`, so that a label can be used in a script as it stands. */
function flat(value: Row, prefix = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, part]): [string, string][] => {
    const label = prefix + key;
    if (key === 'asOf' || key === 'actions') return [];
    if (Array.isArray(part)) return part.flatMap((item, i) => nested(`${label}[${i}]`, item));
    return nested(label, part);
  });
}

function nested(label: string, value: unknown): [string, string][] {
  if (typeof value === 'number') return [[label, String(Math.round(value * 100) / 100)]];
  if (value === null || typeof value !== 'object') return [[label, text(value)]];
  return flat(value as Row, `${label}.`);
}

function showActions(session: Session, actions: unknown): void {
  const lines = ((actions ?? []) as Row[]).map(({ verb, allowed, why }): [string, string] => [
    text(verb),
    allowed ? 'allowed' : `not now: ${text(why)}`,
  ]);
  if (lines.length > 0) session.world.out(`\nactions\n${labelled(session.world, lines)}`);
}
