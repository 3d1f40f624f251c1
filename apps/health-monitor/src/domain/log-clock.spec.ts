import { LogClock } from './log-clock';
import { SETTLE_MS } from './numbers';

const clockAt = (...times: number[]): LogClock => {
  const clock = new LogClock();
  times.forEach((ms, index) => clock.advance(String(index), ms));
  return clock;
};

describe('the log clock', () => {
  it('shows the highest append time read', () => {
    expect(clockAt(1_000, 1_200).ms).toBe(1_200);
  });

  it('stands while a new leader lags behind the old one', () => {
    const clock = clockAt(5_000, 4_000, 4_900);
    expect(clock.ms).toBe(5_000);
    expect(clock.advance('3', 5_000)).toBe(false);
    expect(clock.advance('4', 5_001)).toBe(true);
  });

  it('is settled after 1,000 ms without a record, not after 1,001', () => {
    expect(clockAt(1_000, 2_000).settled).toBe(true);
    expect(clockAt(1_000, 2_001).settled).toBe(false);
  });

  it('settles one heartbeat and one canary after the gap', () => {
    const gap = [1_000, 3_000];
    const steps = [3_900, 3_000 + SETTLE_MS - 1];
    expect(clockAt(...gap, ...steps).settled).toBe(false);
    expect(clockAt(...gap, ...steps, 3_000 + SETTLE_MS).settled).toBe(true);
  });

  it('remembers where its memory begins, and what it has read', () => {
    const clock = clockAt(7_000, 7_100);
    expect(clock.memoryFromMs).toBe(7_000);
    expect(clock.hasRead('1')).toBe(true);
    expect(clock.hasRead('2')).toBe(false);
  });
});
