import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeClaim, syncFolder } from './claims';
import type { ServeOrder } from './journal-records';
import { requireMedium, type NodeEngine } from './take-up';

/** All that a system has on the medium. False: a higher claim stands, and nothing was touched. */
export async function removeFiles(
  { taskId, systemId, epoch }: Omit<ServeOrder, 'spec'>,
  { mediumFolder, nodeId }: NodeEngine,
): Promise<boolean> {
  // On a medium that is away nothing is gone. Told otherwise, its name would be free, and its old bytes the next owner's.
  await requireMedium(mediumFolder);
  const folder = join(mediumFolder, systemId);
  const claimed = await makeClaim(join(folder, 'claims'), { epoch, nodeId, by: taskId }).catch(ifAbsent);
  if (claimed && !claimed.made) return false;
  await rm(join(folder, 'chain.json'), { force: true }); // first: without a list nothing can be opened
  await rm(folder, { recursive: true, force: true });
  await syncFolder(mediumFolder); // what was told gone must not come back with the power
  return true;
}

/** Nothing to claim: the folder was never made, or another removal was faster. */
function ifAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
