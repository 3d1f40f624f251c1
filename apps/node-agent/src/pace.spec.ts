import { Pace } from './pace';

describe('Pace', () => {
  let nowMs: number;
  let pace: Pace;
  beforeEach(() => {
    nowMs = 1_000;
    pace = new Pace(1_000, () => nowMs);
  });

  it('lets the first bytes pass, and has the next wait until those before had their time', () => {
    expect([pace.waitMs(500), pace.waitMs(250), pace.waitMs(1)]).toEqual([0, 500, 750]);
  });

  it('asks nobody to wait who comes no faster than the pace', () => {
    for (let i = 0; i < 10; i++, nowMs += 100) expect(pace.waitMs(100)).toBe(0);
  });

  it('makes a late timer good, up to a quarter of a second', () => {
    pace.waitMs(1_000);
    nowMs += 1_100;
    expect([pace.waitMs(100), pace.waitMs(1_000), pace.waitMs(1)]).toEqual([0, 0, 1_000]);
  });

  it('saves nothing up over a long silence', () => {
    pace.waitMs(1);
    nowMs += 60_000;
    expect([pace.waitMs(250), pace.waitMs(1_000), pace.waitMs(1)]).toEqual([0, 0, 1_000]);
  });

  it('tells of a large read a tenth of a second at a time', async () => {
    const taken: number[] = [];
    const fast = new Pace(1_000_000, () => (nowMs += 1_000));
    await fast.take(250_000, new AbortController().signal, (bytes) => taken.push(bytes));
    expect(taken).toEqual([100_000, 100_000, 50_000]);
  });

  it('ends the wait of whoever is not wanted any more', async () => {
    const abort = new AbortController();
    pace.waitMs(60_000_000);
    const waiting = pace.take(1, abort.signal, () => undefined);
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    await expect(pace.take(1, abort.signal, () => undefined)).rejects.toMatchObject({ name: 'AbortError' });
  });
});
