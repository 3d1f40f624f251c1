import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceChain } from './chain';
import { ChainLock } from './chain-lock';
import type { Chain } from './chain.rules';

describe('chain.lock', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync('/var/tmp/holdfast-lock-')));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const never = new AbortController().signal;
  const chain: Chain = {
    volumes: [{ volumeId: 'v1', sizeBytes: 65_536, layers: [{ k: 1, file: 'v1.1.e1.qcow2' }] }],
    points: [],
    pins: [],
  };
  /** Another process that has it, until it ends. */
  const held = async () => {
    const holder = spawn('flock', ['--exclusive', '--no-fork', join(folder, 'chain.lock'), 'cat']);
    holder.stdin.write('held\n');
    await once(holder.stdout, 'data');
    return holder;
  };
  const isFree = () => {
    try {
      execFileSync('flock', ['--nonblock', join(folder, 'chain.lock'), 'true']);
      return true;
    } catch {
      return false;
    }
  };

  it('is had by one at a time, in this process too, and is free afterwards', async () => {
    const order: string[] = [];
    const critical = (name: string) =>
      ChainLock.with(folder, { signal: never }, async () => {
        order.push(`${name} in`);
        await new Promise(setImmediate);
        order.push(`${name} out`);
      });
    await Promise.all([critical('a'), critical('b'), critical('c')]);
    for (let at = 0; at < 6; at += 2) expect(order[at]!.replace('in', 'out')).toBe(order[at + 1]);
    expect(isFree()).toBe(true);
  });

  it('is free again when the work fails', async () => {
    const failing = ChainLock.with(folder, { signal: never }, () => Promise.reject(new RangeError('no')));
    await expect(failing).rejects.toThrow('no');
    expect(isFree()).toBe(true);
  });

  it('goes with the process that had it', async () => {
    // What an agent does: the holder's input is a pipe of the agent's, and is closed by its death.
    const agent = spawn('sh', ['-c', `sleep 60 | flock -x -F ${join(folder, 'chain.lock')} cat & echo $!; wait`]);
    await once(agent.stdout, 'data');
    while (!existsSync(join(folder, 'chain.lock')) || isFree()) await new Promise((done) => setTimeout(done, 10));
    const sleeper = execFileSync('pgrep', ['-P', String(agent.pid), 'sleep'])
      .toString()
      .trim();
    process.kill(Number(sleeper), 'SIGKILL');
    await ChainLock.with(folder, { signal: never }, () => Promise.resolve());
    agent.kill();
  });

  it('is waited for so long and no longer: CHAIN_LOCKED', async () => {
    const holder = await held();
    const waiting = ChainLock.with(folder, { signal: never, giveUpMs: 50 }, () => Promise.resolve());
    await expect(waiting).rejects.toMatchObject({ code: 'CHAIN_LOCKED' });
    holder.kill();
  });

  it('says once that it waits, and is had when the other ends', async () => {
    const holder = await held();
    const blocked = jest.fn(() => holder.stdin.end());
    await ChainLock.with(folder, { signal: never, blocked }, () => Promise.resolve());
    expect(blocked).toHaveBeenCalledTimes(1);
  });

  it('is not waited for by whoever was superseded', async () => {
    const holder = await held();
    const newer = new AbortController();
    const waiting = ChainLock.with(folder, { signal: newer.signal }, () => Promise.resolve());
    newer.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'SUPERSEDED' });
    holder.kill();
  });

  it('changes nothing once it was lost', async () => {
    const losing = ChainLock.with(folder, { signal: never }, async (lock) => {
      await replaceChain(folder, chain, lock);
      const [pid] = execFileSync('pgrep', ['-P', String(process.pid), '-x', 'cat'])
        .toString()
        .trim()
        .split('\n');
      process.kill(Number(pid), 'SIGKILL');
      while (!isFree()) await new Promise(setImmediate);
      await new Promise(setImmediate);
      await replaceChain(folder, { ...chain, pins: [{ k: 1, by: 't-1' }] }, lock);
    });
    await expect(losing).rejects.toMatchObject({ code: 'CHAIN_LOCKED' });
    expect(JSON.parse(readFileSync(join(folder, 'chain.json'), 'utf8'))).toEqual(chain);
  });

  it('cannot be had in a folder that is not there: MEDIUM_INVALID', async () => {
    const missing = ChainLock.with(join(folder, 'gone'), { signal: never }, () => Promise.resolve());
    await expect(missing).rejects.toMatchObject({ code: 'MEDIUM_INVALID' });
  });
});
