import { identify, isAlive } from './process-identity';

describe('a process', () => {
  const own = identify(process.pid)!;

  it('is alive while its pid, start time and boot are those of a running one', () => expect(isAlive(own)).toBe(true));

  it('is another one when its pid was given out again', () =>
    expect(isAlive({ ...own, startTicks: own.startTicks + 1 })).toBe(false));

  it('is another one after a reboot, though pid and ticks be the same', () =>
    expect(isAlive({ ...own, bootId: '00000000-0000-0000-0000-000000000000' })).toBe(false));

  it('is nobody where no process has the pid', () => expect(identify(2 ** 30)).toBeUndefined());
});
