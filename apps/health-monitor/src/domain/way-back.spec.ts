import { DOWNS_REMEMBERED } from './numbers';
import { holdMs } from './way-back';

const HOUR = 3_600_000;
const downs = (count: number) => Array.from({ length: count }, (_, i) => i * 1_000);

describe('the hold of a node that is back', () => {
  it.each([
    [1, 60_000],
    [2, 120_000],
    [3, 240_000],
    [6, 1_920_000],
    [7, HOUR],
    [8, HOUR],
  ])('after %i downs within the hour is %i ms', (count, ms) => expect(holdMs(downs(count), 60_000)).toBe(ms));

  it('counts a down for exactly an hour, and the last one always', () => {
    expect(holdMs([0, 1_000], HOUR)).toBe(120_000);
    expect(holdMs([0, 1_000], HOUR + 1)).toBe(60_000);
    expect(holdMs([0, 1_000], 2 * HOUR)).toBe(60_000);
  });

  it('is the longest with as many downs as are remembered', () => {
    expect(holdMs(downs(DOWNS_REMEMBERED), 60_000)).toBe(HOUR);
    expect(holdMs(downs(DOWNS_REMEMBERED - 1), 60_000)).toBeLessThan(HOUR);
  });
});
