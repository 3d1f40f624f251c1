import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CHAIN_LOCK, ChainLock } from './chain-lock';
import { epochOfLayer } from './chain.rules';
import { highestClaim, makeClaim, makeClaimsFolder, syncFolder } from './claims';
import { requireMedium, type NodeEngine } from './take-up';

/** In the claim's `by`, not the task: a serve order at the very epoch of the removal must not find it to be its own. */
const REMOVAL = 'removal';

/** They keep out whoever was told to create it before, and is late; and a lock is one only while it is the same file. */
const KEPT = ['claims', CHAIN_LOCK];

/**
 * All that a system has on the medium, but for its claims and its lock. The name may be used again, at higher epochs.
 * False: a higher claim stands, and nothing was touched.
 */
export async function removeFiles(
  { systemId, epoch }: { systemId: string; epoch: number },
  { mediumFolder, nodeId }: NodeEngine,
  signal: AbortSignal,
): Promise<boolean> {
  // On a medium that is away nothing is gone. Told otherwise, its name would be free, and its old bytes the next owner's.
  await requireMedium(mediumFolder);
  const claims = await makeClaimsFolder(mediumFolder, systemId); // also of a system that was never made
  const { made } = await makeClaim(claims, { epoch, nodeId, by: REMOVAL });
  if (!made) return false;
  const folder = join(mediumFolder, systemId);
  // Whoever is in the lock at this moment lists what it was about to, and only then is all of it taken away.
  return ChainLock.with(folder, { signal }, async (lock) => {
    // Of a node that slept until now another took the removal over, and the name may be a new system's.
    if ((await highestClaim(claims))?.epoch !== epoch) return false;
    const files = (await readdir(folder)).filter((name) => !KEPT.includes(name) && !isLater(name, epoch));
    // First the list: without it nothing can be opened.
    for (const name of new Set(['chain.json', ...files])) {
      lock.mustBeHeld();
      await rm(join(folder, name), { recursive: true, force: true });
    }
    await syncFolder(folder); // what was told gone must not come back with the power
    return true;
  });
}

/** Images are made before the lock is asked for: a system that is made anew may be at it, once another took this over. */
const isLater = (file: string, epoch: number) => (epochOfLayer(file) ?? 0) > epoch;
