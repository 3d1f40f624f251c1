/** PostgreSQL's text knows neither U+0000 nor half a surrogate pair; JSON's strings know both. */
const UNSTORABLE = /[\0\p{Surrogate}]/gu;

/** As JSON writes them. */
const ESCAPED = /\\u(?:0000|d[89a-f])/i;

export const isStorable = (text: string): boolean => text.search(UNSTORABLE) === -1;

/** A value that a row and its indexes can hold, whatever is in the log: a log cannot be corrected, only read. */
export function storable<T>(value: T): T {
  return ESCAPED.test(JSON.stringify(value) ?? '') ? (replaced(value) as T) : value;
}

function replaced(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(UNSTORABLE, '\ufffd');
  if (Array.isArray(value)) return value.map(replaced);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, of]) => [replaced(key), replaced(of)]));
}
