import { BeatWindow, isLate, isSilent } from './silence';

const windowOf = (...beats: [seq: number, atMs: number][]): BeatWindow => {
  const window = new BeatWindow();
  for (const [seq, atMs] of beats) window.add({ seq, atMs, ownPauseMs: 0 });
  return window;
};

describe('the next beat', () => {
  it('is due one heartbeat after the last', () => {
    expect(windowOf([1, 1_000], [2, 2_000]).expectedMs(2_100)).toBe(3_000);
  });

  it('is due by the mean delay when the last came early, by its own when it came late', () => {
    expect(windowOf([1, 1_100], [2, 2_100], [3, 2_980]).expectedMs(3_000)).toBeCloseTo(4_060);
    expect(windowOf([1, 1_000], [2, 2_000], [3, 3_400]).expectedMs(3_500)).toBe(4_400);
  });

  it('counts lost beats: the sequence tells how many heartbeats have passed', () => {
    expect(windowOf([1, 1_000], [5, 5_000]).expectedMs(5_100)).toBe(6_000);
  });

  it('is forgotten after 60 s, but for the last', () => {
    const window = windowOf([1, 2_000], [2, 2_500]);
    expect(window.expectedMs(61_999)).toBe(Math.max(500, (1_000 + 500) / 2) + 3_000);
    expect(window.expectedMs(62_000)).toBe(500 + 3_000);
    expect(window.expectedMs(900_000)).toBe(500 + 3_000);
  });

  it('is never put off by more than one beat, whatever the sequence says', () => {
    expect(windowOf([1, 1_000], [1_000_000, 2_000]).expectedMs(2_000)).toBe(4_000);
  });
});

describe('waiting', () => {
  const waiting = { fromMs: 10_000, alphaMs: 4_000 };

  it('ends in silence at the deadline, not a millisecond before', () => {
    expect(isSilent(waiting, 13_999)).toBe(false);
    expect(isSilent(waiting, 14_000)).toBe(true);
  });

  it('is late past its half', () => {
    expect(isLate(waiting, 12_000)).toBe(false);
    expect(isLate(waiting, 12_001)).toBe(true);
  });
});

describe('a row', () => {
  it('is three beats without a hole', () => {
    expect(windowOf([1, 1_000], [2, 2_000]).row()).toBeNull();
    expect(windowOf([1, 1_000], [3, 3_000], [4, 4_000]).row()).toBeNull();
    expect(windowOf([0, 0], [1, 1_000], [2, 2_000], [3, 3_000]).row()?.sinceMs).toBe(1_000);
  });
});
