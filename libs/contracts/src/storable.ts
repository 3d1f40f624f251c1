/** Deeper than any contract goes, and far from where a reader's stack ends. */
const LIMIT_DEPTH = 64;

export interface Unstorable {
  /** Leads to the place, as `media.0.state`. */
  readonly path: string;
  readonly problem: string;
}

/** The first place in JSON data that PostgreSQL takes neither as `text` nor in `jsonb`, or that is nested too deep. */
export function findUnstorable(data: unknown): Unstorable | null {
  const found = search(data, 0);
  return found && { path: found.path.reverse().join('.'), problem: found.problem };
}

interface Found {
  /** Last name first: it is written on the way back. */
  readonly path: string[];
  readonly problem: string;
}

function search(data: unknown, depth: number): Found | null {
  if (typeof data === 'string')
    return isStorableText(data) ? null : { path: [], problem: 'text that cannot be stored' };
  if (typeof data !== 'object' || data === null) return null;
  if (depth === LIMIT_DEPTH) return { path: [], problem: `more than ${LIMIT_DEPTH} levels` };
  for (const [name, value] of Object.entries(data)) {
    // Not named in the path, which is to be stored and read itself.
    if (!isStorableText(name)) return { path: [], problem: 'a name that cannot be stored' };
    const found = search(value, depth + 1);
    if (!found) continue;
    found.path.push(name);
    return found;
  }
  return null;
}

/** Neither U+0000 nor half of a surrogate pair. */
const isStorableText = (text: string): boolean => !/\0|\p{Surrogate}/u.test(text);
