import type { Row } from './api';
import { exit, Failure, usage } from './failure';
import { idOf, kindOf, type Kind } from './kinds';
import type { Session } from './session';

export interface Subject {
  kind: Kind;
  id: string;
  row: Row;
}

/** `node/alpha-2`, as typed. */
export function readSubject(given: string): { kind: Kind; id: string } {
  const slash = given.indexOf('/');
  if (slash < 1) throw usage(`${given} is no subject`, 'write it as kind/id, such as system/s1 or node/alpha-2');
  return { kind: kindOf(given.slice(0, slash)), id: given.slice(slash + 1) };
}

/** The one meant: by its id, or by any unique beginning of it. */
export async function findSubject(session: Session, given: string): Promise<Subject> {
  const { kind, id } = readSubject(given);
  return findOne(session, kind, id);
}

/** Where the verb fixes the kind the id alone will do; `node/n3` is understood too. */
export async function findOne(session: Session, kind: Kind, given: string): Promise<Subject> {
  const id = given.startsWith(`${kind.singular}/`) ? given.slice(kind.singular.length + 1) : given;
  try {
    return { kind, id, row: await session.api.one(`${pathOf(kind, id)}${queryOf(session.past)}`) };
  } catch (error) {
    if (!(error instanceof Failure) || error.exitCode !== exit.notFound) throw error;
    return findByBeginning(session, { kind, id, notFound: error });
  }
}

export function pathOf({ plural, nested }: Kind, id: string): string {
  return `/v1/${plural}/${nested ? id.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(id)}`;
}

async function findByBeginning(session: Session, wanted: { kind: Kind; id: string; notFound: Failure }) {
  const { kind, id, notFound } = wanted;
  const items = await allOf(session, kind);
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

const queryOf = (past: object): string => {
  const query = new URLSearchParams({ ...past }).toString();
  return query && `?${query}`;
};

async function allOf(session: Session, { plural }: Kind): Promise<Row[]> {
  const { past } = session;
  const { items } = await session.api.list(`/v1/${plural}`, { ...past });
  if (plural !== 'tasks') return items;
  // This list leaves the serve tasks out unless they are asked for.
  return [...items, ...(await session.api.list('/v1/tasks', { ...past, kind: 'serve' })).items];
}
