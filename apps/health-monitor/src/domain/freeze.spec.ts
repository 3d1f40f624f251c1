import { calmSinceMs, freezeLimit, mayThaw } from './freeze';

describe('the limit of nodes late at once', () => {
  it.each([
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 2],
    [20, 2],
    [21, 3],
    [60, 6],
  ])('of %i nodes is %i', (nodes, limit) => expect(freezeLimit(nodes)).toBe(limit));
});

describe('a frozen cluster', () => {
  const calm = { limit: 2, frozenMs: 10_000, lateUntilMs: [50_000, 20_000, -Infinity] };

  it('is calm since all but half of the limit were late last', () => {
    expect(calmSinceMs(calm)).toBe(20_000);
    expect(calmSinceMs({ ...calm, limit: 1 })).toBe(50_000);
  });

  it('is calm at the earliest since it froze', () => {
    expect(calmSinceMs({ ...calm, lateUntilMs: [] })).toBe(10_000);
  });

  it('thaws after 30 s of calm', () => {
    expect(mayThaw(calm, 49_999)).toBe(false);
    expect(mayThaw(calm, 50_000)).toBe(true);
  });
});
