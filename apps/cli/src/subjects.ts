import type { Row } from './api';
import { exit, Failure, usage } from './failure';
import { idOf, kindOf, type Kind } from './kinds';
import type { Session } from './session';

export interface Subject {
  kind: Kind;
  id: string;
  row: Row;
}

/** `node/alpha-2`, or any unique beginning of its id. */
export function findSubject(session: Session, given: string): Promise<Subject> {
  const slash = given.indexOf('/');
  if (slash < 1) throw usage(`${given} is no subject`, 'write it as kind/id, such as system/s1 or node/alpha-2');
  return findOne(session, kindOf(given.slice(0, slash)), given.slice(slash + 1));
}

/** Where the verb fixes the kind the id alone will do; `node/n3` is understood too. */
export async function findOne(session: Session, kind: Kind, given: string): Promise<Subject> {
  const id = given.startsWith(`${kind.singular}/`) ? given.slice(kind.singular.length + 1) : given;
  try {
    return { kind, id, row: await session.api.one(pathOf(kind, id)) };
  } catch (error) {
    if (!(error instanceof Failure) || error.exitCode !== exit.notFound) throw error;
    return findByBeginning(session, { kind, id, notFound: error });
  }
}

export function pathOf(kind: Kind, id: string): string {
  return `/v1/${kind.plural}/${encodeURIComponent(id)}`;
}

async function findByBeginning(session: Session, wanted: { kind: Kind; id: string; notFound: Failure }) {
  const { kind, id, notFound } = wanted;
  const { items } = await session.api.list(`/v1/${kind.plural}`, allOf(kind));
  const exact = items.find((row) => idOf(kind, row) === id);
  // Some kinds are listed only.
  if (exact !== undefined) return { kind, id, row: exact };
  const matches = items.filter((row) => idOf(kind, row).startsWith(id));
  const [row] = matches;
  if (row === undefined) throw notFound;
  if (matches.length === 1) return { kind, id: idOf(kind, row), row };
  const names = matches.map((match) => idOf(kind, match)).join(', ');
  throw usage(`${id} is the beginning of several: ${names}`, 'write more of the id');
}

/** `tasks` leaves the serve tasks out unless they are asked for. */
function allOf({ plural }: Kind): Record<string, string> {
  return plural === 'tasks' ? { kind: 'serve' } : {};
}
