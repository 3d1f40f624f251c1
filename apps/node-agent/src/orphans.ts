import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readAdopted } from './daemon-process';
import { ageMs, daemonsBelow, isSame, killProcess } from './process-identity';

const SWEEP_FOR_MS = 2_000;
const SWEEP_EVERY_MS = 250;
/** Younger ones may be about to be adopted: a pidfile takes 15 ms. */
const OLDER_THAN_MS = 1_000;

/** After an agent's start: kills daemons that an agent before it started and died before writing down. */
export async function sweepOrphans(runFolder: string, killed: (pid: number) => void): Promise<void> {
  for (const until = performance.now() + SWEEP_FOR_MS; performance.now() < until; await sleep(SWEEP_EVERY_MS)) {
    for (const { folder, identity } of daemonsBelow(runFolder)) {
      const adopted = await readAdopted(join(runFolder, folder));
      const ours = adopted !== undefined && isSame(adopted, identity);
      if (ours || ageMs(identity) < OLDER_THAN_MS) continue;
      killProcess(identity);
      killed(identity.pid);
    }
  }
}
