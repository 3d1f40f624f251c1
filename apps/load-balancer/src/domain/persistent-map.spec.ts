import fc from 'fast-check';
import { emptyMap, lookUp, mapped, type PersistentMap, valuesOf, withoutKey, withValue } from './persistent-map';

/** So many that there are several pages, and several keys in each bucket. */
const KEYS = 400;

type Change = { key: string; value: number | null };

const changes = fc.array(
  fc.record({ key: fc.nat({ max: KEYS }).map((n) => `k${n}`), value: fc.option(fc.nat(), { freq: 2 }) }),
  { minLength: 200, maxLength: 1_500, size: 'max' },
);

function changed(map: PersistentMap<number>, { key, value }: Change): PersistentMap<number> {
  return value === null ? withoutKey(map, key) : withValue(map, key, value);
}

/** What a Map does, which keeps the order of insertion too. */
function changeModel(model: Map<string, number>, { key, value }: Change): void {
  if (value === null) model.delete(key);
  else model.set(key, value);
}

const upTo = (count: number) =>
  Array.from({ length: count }, (_, n) => n).reduce(
    (map, n) => withValue(map, `k${n}`, n),
    emptyMap as PersistentMap<number>,
  );

it('holds what a Map would, in its order', () => {
  fc.assert(
    fc.property(changes, (run) => {
      const model = new Map<string, number>();
      let map: PersistentMap<number> = emptyMap;
      for (const change of run) {
        changeModel(model, change);
        map = changed(map, change);
      }
      expect(valuesOf(map)).toEqual([...model.values()]);
      for (let n = 0; n <= KEYS; n += 1) expect(lookUp(map, `k${n}`)).toBe(model.get(`k${n}`));
    }),
    { numRuns: 30 },
  );
});

it('stays as it was, whatever is made of it', () => {
  fc.assert(
    fc.property(changes, changes, (first, then) => {
      const map = first.reduce(changed, emptyMap as PersistentMap<number>);
      const before = JSON.stringify(map);
      then.reduce(changed, map);
      mapped(map, (value) => (value % 2 === 0 ? undefined : value + 1));
      expect(JSON.stringify(map)).toBe(before);
    }),
    { numRuns: 30 },
  );
});

it('is plain JSON: what comes back from a snapshot goes on', () => {
  const map = JSON.parse(JSON.stringify(upTo(100))) as PersistentMap<number>;
  expect(lookUp(map, 'k42')).toBe(42);
  expect(valuesOf(withValue(map, 'new', 100)).at(-1)).toBe(100);
});

it('knows no key that it was not given, whatever objects inherit', () => {
  for (const key of ['constructor', 'toString', '__proto__', '']) expect(lookUp(upTo(100), key)).toBeUndefined();
  expect(valuesOf(withoutKey(upTo(2), 'constructor'))).toEqual([0, 1]);
});

it('shares with the map before it all but what lies beside the change', () => {
  const map = upTo(10_000);
  const after = withValue(map, 'k5000', -1);
  expect(after.buckets).toBe(map.buckets);
  expect(after.pages.filter((page, at) => page !== map.pages[at])).toHaveLength(1);
});

it.each([
  ['from the first on', (n: number) => n],
  ['from the last on', (n: number) => 3_999 - n],
  ['here and there', (n: number) => (n * 7) % 4_000],
])('takes no more room than the few that stay need, once most are gone: %s', (_order, nth) => {
  let map = upTo(4_000);
  for (let n = 0; n < 4_000; n += 1) if (nth(n) % 20 !== 0) map = withoutKey(map, `k${nth(n)}`);
  const kept = Array.from({ length: 200 }, (_, n) => n * 20);
  expect(valuesOf(map)).toEqual(kept);
  expect(kept.map((n) => lookUp(map, `k${n}`))).toEqual(kept);
  expect(map.pages.length).toBeLessThan(20);
});

it('maps each value, keeps what is the same, and lets go of what is made nothing of', () => {
  const map = upTo(200);
  expect(mapped(map, (value) => value)).toBe(map);
  expect(valuesOf(mapped(map, (value) => (value % 2 === 0 ? undefined : -value))).slice(0, 3)).toEqual([-1, -3, -5]);
});
