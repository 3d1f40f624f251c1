import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { basename, join } from 'node:path';
import { ChainLocked, MediumInvalid, Superseded } from './errors';

interface LockWait {
  /** Aborted: nobody wants the lock any more. */
  signal: AbortSignal;
  /** Told once when it takes longer than a second. */
  blocked?(): void;
  /** Given up after so long; without it there is no end to the patience. */
  giveUpMs?: number;
}

/** Made with the system's folder, and never deleted: whoever made it anew would be alone in a lock of its own. */
export const CHAIN_LOCK = 'chain.lock';
const TELL_AFTER_MS = 1_000;

/**
 * The lock under which a system's list is replaced and its files are deleted. It is the lock of a child that ends with
 * this process's pipe: an agent that dies lets go of it at once, one that sleeps keeps it until its watchdog kills it.
 */
export class ChainLock {
  private constructor(
    private readonly folder: string,
    private readonly child: ChildProcess,
  ) {}

  static async with<T>(folder: string, wait: LockWait, work: (lock: ChainLock) => Promise<T>): Promise<T> {
    const lock = await ChainLock.acquire(folder, wait);
    try {
      return await work(lock);
    } finally {
      await lock.release();
    }
  }

  /** Before each change: the child's end is the lock lost, and somebody else may be changing the list. */
  mustBeHeld(): void {
    if (hasEnded(this.child)) throw new ChainLocked(`the lock of ${basename(this.folder)} was lost`);
  }

  private static async acquire(folder: string, { signal, blocked, giveUpMs }: LockWait): Promise<ChainLock> {
    if (signal.aborted) throw new Superseded('nobody waits for the lock any more');
    // It says back what it is told as soon as it runs, and it runs once the lock is had.
    const child = spawn('flock', ['--exclusive', '--no-fork', join(folder, CHAIN_LOCK), 'cat']);
    const end = () => child.kill('SIGKILL');
    const timers = [setTimeout(() => blocked?.(), TELL_AFTER_MS)];
    if (giveUpMs !== undefined) timers.push(setTimeout(end, giveUpMs));
    signal.addEventListener('abort', end);
    try {
      await untilItSpeaks(child);
      return new ChainLock(folder, child);
    } catch (cause) {
      if (signal.aborted) throw new Superseded('nobody waits for the lock any more');
      if (child.signalCode) throw new ChainLocked(`the lock of ${basename(folder)} is held by another`, { cause });
      throw new MediumInvalid(`chain.lock in ${folder} cannot be had`, { cause });
    } finally {
      timers.forEach(clearTimeout);
      signal.removeEventListener('abort', end);
    }
  }

  private async release(): Promise<void> {
    this.child.stdin!.end();
    if (!hasEnded(this.child)) await once(this.child, 'exit');
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function untilItSpeaks(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let complaint = '';
    child.stderr!.on('data', (text: Buffer) => (complaint += text.toString()));
    child.stdout!.once('data', () => resolve());
    child.once('error', reject);
    child.once('close', () => reject(new MediumInvalid(complaint.trim() || 'flock ended without a word')));
    child.stdin!.on('error', () => undefined); // it has ended: told by `close`
    child.stdin!.write('locked\n');
  });
}
