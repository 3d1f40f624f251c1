/**
 * A map that never changes: each change gives another one, which shares with it all but the few entries beside the change.
 * So a change costs little however much there is, and whoever holds the map of before still has it. Like an object it
 * keeps the order of insertion, and it is plain JSON.
 */
export interface PersistentMap<V> {
  /** Each key's number, in a bucket of those whose hash is the same. */
  readonly buckets: readonly Readonly<Record<string, number>>[];
  /** All entries in the order of their numbers, a few on each page. */
  readonly pages: readonly Page<V>[];
  /** What the next key gets: numbers are used once, so that they tell the order. */
  readonly next: number;
}

interface Page<V> {
  /** The least number that may stand here. */
  readonly from: number;
  readonly entries: readonly Entry<V>[];
}

interface Entry<V> {
  readonly key: string;
  readonly value: V;
}

/** A change copies a bucket, a page, and the lists of both: for some ten thousand entries all of that is short. */
const BUCKETS = 256;
const PAGE_ENTRIES = 64;

export const emptyMap: PersistentMap<never> = {
  buckets: Array.from({ length: BUCKETS }, () => ({})),
  pages: [],
  next: 0,
};

export function lookUp<V>(map: PersistentMap<V>, key: string): V | undefined {
  const place = placeOf(map, key);
  return place && map.pages[place.page]?.entries[place.entry]?.value;
}

/** The oldest key's first. */
export function valuesOf<V>({ pages }: PersistentMap<V>): V[] {
  const values: V[] = [];
  for (const { entries } of pages) for (const { value } of entries) values.push(value);
  return values;
}

/** A key that is there keeps its place in the order. */
export function withValue<V>(map: PersistentMap<V>, key: string, value: V): PersistentMap<V> {
  const place = placeOf(map, key);
  if (!place) return added(map, { key, value });
  const { from, entries } = map.pages[place.page] as Page<V>;
  return { ...map, pages: map.pages.with(place.page, { from, entries: entries.with(place.entry, { key, value }) }) };
}

export function withoutKey<V>(map: PersistentMap<V>, key: string): PersistentMap<V> {
  const place = placeOf(map, key);
  if (!place) return map;
  const { from, entries } = map.pages[place.page] as Page<V>;
  const rest = map.pages.with(place.page, { from, entries: entries.toSpliced(place.entry, 1) });
  const bucket = bucketOf(key);
  const { [key]: _gone, ...others } = map.buckets[bucket] ?? {};
  return { ...map, buckets: map.buckets.with(bucket, others), pages: joined(joined(rest, place.page), place.page - 1) };
}

/** The map of what is made of each value; undefined: its key goes. */
export function mapped<V>(map: PersistentMap<V>, change: (value: V) => V | undefined): PersistentMap<V> {
  let result = map;
  for (const { key, value } of map.pages.flatMap(({ entries }) => entries)) {
    const next = change(value);
    if (next === undefined) result = withoutKey(result, key);
    else if (next !== value) result = withValue(result, key, next);
  }
  return result;
}

function added<V>({ buckets, pages, next }: PersistentMap<V>, entry: Entry<V>): PersistentMap<V> {
  const last = pages.at(-1);
  const isRoom = last !== undefined && last.entries.length < PAGE_ENTRIES;
  const bucket = bucketOf(entry.key);
  return {
    buckets: buckets.with(bucket, { ...buckets[bucket], [entry.key]: next }),
    pages: isRoom
      ? pages.with(-1, { from: last.from, entries: [...last.entries, entry] })
      : [...pages, { from: next, entries: [entry] }],
    next: next + 1,
  };
}

/** This page and the next as one, if they are thin: or what stays for long would end up with a page for each. */
function joined<V>(pages: readonly Page<V>[], at: number): readonly Page<V>[] {
  const [page, after] = at < 0 ? [] : pages.slice(at, at + 2);
  if (!page || !after || page.entries.length + after.entries.length > PAGE_ENTRIES / 2) return pages;
  return pages.toSpliced(at, 2, { from: page.from, entries: [...page.entries, ...after.entries] });
}

function placeOf<V>({ buckets, pages }: PersistentMap<V>, key: string): { page: number; entry: number } | undefined {
  const number = buckets[bucketOf(key)]?.[key];
  if (number === undefined) return undefined;
  const page = pageOf(pages, number);
  const entry = pages[page]?.entries.findIndex((other) => other.key === key) ?? -1;
  return entry < 0 ? undefined : { page, entry };
}

/** The last page that begins at this number or before it. */
function pageOf<V>(pages: readonly Page<V>[], number: number): number {
  let low = 0;
  let high = pages.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((pages[middle]?.from ?? 0) <= number) low = middle;
    else high = middle - 1;
  }
  return low;
}

function bucketOf(key: string): number {
  let hash = 0;
  for (let at = 0; at < key.length; at += 1) hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0;
  return hash & (BUCKETS - 1);
}
