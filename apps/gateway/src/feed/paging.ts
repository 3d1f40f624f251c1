import { orderOf, startOf, type PageQuery } from '../http/page';
import type { Endless } from '../projections/projection';

/* The pages of a list that only grows, found by PostgreSQL: the same that `pageOf` would cut from all of it. */

/** A field as `pageOf` compares it: in the order of its bytes, and what is not known by the word for it. */
const textOf = ({ by }: Endless, field: string): string =>
  field === by ? 'key' : `(coalesce(body->>'${field}', 'null') collate "C")`;

/** What is listed when nobody asks for the rest. */
export const listed = ({ omits }: Endless): string => `body->>'${omits.field}' <> '${omits.equals}'`;

/** Between equals the key decides. */
export function orderBy(list: Endless, sort: string): string {
  const { field, descending } = orderOf(sort);
  const first = `${textOf(list, field)} ${descending ? 'desc' : 'asc'}`;
  return field === list.by ? first : `${first}, key`;
}

/** What follows a statement's table: the rows of the page and one more, or all among which `pageOf` will find them. */
export function pageSql(list: Endless, query: PageQuery): { rest: string; values: string[]; inOrder: boolean } {
  const { field, descending, from } = startOf(query, list.by);
  const values: string[] = [];
  const value = (text = '') => `$${values.push(text)}`;

  const filters = Object.entries(query.filter).filter(([name]) => list.plain.includes(name));
  const wheres = filters.map(([name, wanted]) => `${filtered(list, name, wanted)} = ${value(wanted)}`);
  if (query.filter[list.omits.field] !== list.omits.equals) wheres.push(listed(list));

  const canCut = list.plain.includes(field) && filters.length === Object.keys(query.filter).length;
  if (canCut && from) {
    const [text, beyond, first] = [textOf(list, field), descending ? '<' : '>', value(from[0])];
    // Where the index is entered; then what the page before had of equals is passed over.
    wheres.push(`${text} ${beyond}= ${first} and (${text} ${beyond} ${first} or key > ${value(from[1])})`);
  }
  const [sort, limit] = canCut ? [query.sort ?? list.by, query.limit + 1] : [list.sort, list.atMost ?? 'all'];
  const where = wheres.length > 0 ? `where ${wheres.join(' and ')}` : '';
  // By another filter few may pass: what stood is then found first, and sorted.
  const hasIndex = [list.by, orderOf(list.sort).field].includes(field);
  const inOrder = canCut && hasIndex && filters.every(([name]) => name === list.filter);
  return { rest: `${where} order by ${orderBy(list, sort)} limit ${limit}`, values, inOrder };
}

/** Written as it is in the indexes that find by a field. */
function filtered(list: Endless, field: string, wanted: string): string {
  return field === list.by || wanted === 'null' ? textOf(list, field) : `body->>'${field}'`;
}
