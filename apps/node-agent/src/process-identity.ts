import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A pid alone may be somebody else's by now. With its boot and its start time it names one process for ever. */
export interface ProcessIdentity {
  /** `run/` survives a reboot; pids and ticks begin anew. */
  bootId: string;
  pid: number;
  /** Clock ticks after boot, as `/proc/<pid>/stat` has it. */
  startTicks: number;
}

const TICKS_PER_SECOND = 100;
const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** Who has this pid now; undefined if nobody does, or only a zombie that its parent has not reaped. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readProc(`${pid}/stat`);
  if (stat === undefined) return undefined;
  // The name in parentheses may itself hold parentheses and spaces: fields are counted after the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : { bootId, pid, startTicks: Number(fields[19]) };
}

export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== undefined && isSame(now, identity);
}

export function isSame(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return one.bootId === other.bootId && one.pid === other.pid && one.startTicks === other.startTicks;
}

/** SIGKILL, if it is still the process that is meant. */
export function killProcess(identity: ProcessIdentity): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** SIGKILL, and only then gone: its images, address and folder are free. */
export async function endProcess(identity: ProcessIdentity): Promise<void> {
  killProcess(identity);
  while (isAlive(identity)) await sleep(5);
}

export function ageMs({ startTicks }: ProcessIdentity): number {
  const uptimeSeconds = Number(readProc('uptime')?.split(' ')[0] ?? 0);
  return (uptimeSeconds - startTicks / TICKS_PER_SECOND) * 1_000;
}

/** Storage daemons whose command line names something below this folder, by the folder directly below it. */
export function daemonsBelow(runFolder: string): { folder: string; identity: ProcessIdentity }[] {
  const marker = `${runFolder}/`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const args = readProc(`${pid}/cmdline`)?.split('\0') ?? [];
      if (!args[0]?.includes('storage-daemon')) return [];
      const named = args.find((arg) => arg.startsWith(marker));
      const identity = named && identify(Number(pid));
      return identity ? [{ folder: named.slice(marker.length).split('/')[0]!, identity }] : [];
    });
}

/** A process may end between the look at the list and the look at it: then there is nothing to read. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return undefined;
  }
}
