import { isCheckpoint, Progress, type Checkpoint, type ProgressSample } from './progress';

describe('a checkpoint', () => {
  const last = { atMs: 0, doneBytes: 100 };
  it.each([
    ['5 % are sealed', { atMs: 1, doneBytes: 150 }, true],
    ['less than 5 % are sealed', { atMs: 1, doneBytes: 149 }, false],
    ['10 s are over and something is sealed', { atMs: 10_000, doneBytes: 101 }, true],
    ['less than 10 s are over', { atMs: 9_999, doneBytes: 101 }, false],
    ['10 s are over and nothing is sealed', { atMs: 60_000, doneBytes: 100 }, false],
  ])('when %s: %#', (_when, now, reached) => {
    expect(isCheckpoint(last, now, 1_000)).toBe(reached);
  });
});

describe('Progress', () => {
  let nowMs: number;
  let observed: ProgressSample[];
  let reached: Checkpoint[];
  const progress = (of: { totalBytes: number; doneBytes?: number }) =>
    new Progress(of, {
      observed: (sample) => observed.push(sample),
      reached: (checkpoint) => reached.push(checkpoint),
      nowMs: () => nowMs,
    });
  beforeEach(() => {
    nowMs = 0;
    observed = [];
    reached = [];
  });

  it('tells the rate of the last five seconds', () => {
    const one = progress({ totalBytes: 10_000 });
    for (let second = 0; second <= 8; second++, nowMs += 1_000) {
      one.observe();
      if (second >= 3) one.advance(100, `v1.${second}`);
    }
    expect(observed.map(({ bytesPerSec }) => bytesPerSec)).toEqual([0, 0, 0, 0, 25, 40, 60, 80, 100]);
  });

  it('comes forward while a piece is in hand, and takes it for done only once it is sealed', () => {
    const one = progress({ totalBytes: 100 });
    for (const _ of [1, 2]) {
      one.read(30);
      one.observe();
    }
    expect(observed.map(({ doneBytes }) => doneBytes)).toEqual([30, 60]);
    expect(one.doneBytes).toBe(0);
    one.advance(80, 'v1.0');
    one.read(30); // made anew, it may be read twice
    one.observe();
    expect(observed.at(-1)!.doneBytes).toBe(100);
  });

  it('tells each checkpoint with what is sealed, and leaves the end to be told as the end', () => {
    const one = progress({ totalBytes: 100 });
    one.advance(4, 'v1.0');
    one.advance(4, 'v1.1');
    one.advance(92, 'v1.2');
    expect(reached).toEqual([{ token: 'v1.1', doneBytes: 8, totalBytes: 100 }]);
  });

  it('begins where the owner before stopped, if nothing of that need be looked at again', () => {
    const one = progress({ totalBytes: 100, doneBytes: 60 });
    one.observe();
    one.advance(4, 'v1.7');
    expect([observed[0]!.doneBytes, reached]).toEqual([60, []]);
  });
});
