import type { TaskKind } from '@holdfast/contracts';
import { dropOtherAttempts, dropUnfinishedAttempts, type BackupName } from './backup-folder';
import type { Points } from './points';
import { dropScrubNotes } from './scrub';
import type { Serving } from './serving';
import type { NodeEngine } from './take-up';
import type { Tasks } from './tasks';

/** A task is over: completed, by the attempt of this epoch, or called off, where there is none. */
interface Ending {
  kind: TaskKind;
  taskId: string;
  epoch?: number;
  /** What it made, or read. */
  backup?: BackupName | undefined;
}

export interface EndingParts {
  node: NodeEngine;
  serving: Serving;
  points: Points;
  tasks: Tasks;
}

/**
 * Whoever serves the system tidies up after the task, and so does every node that carried it: the system may be served
 * by nobody, and a worker that had not ended yet could make its files once more.
 */
export async function endTask({ node, serving, points, tasks }: EndingParts, ending: Ending): Promise<void> {
  const { taskId, backup } = ending;
  const carried = tasks.knows(taskId);
  const concernsUs = carried || serving.held().some(({ order }) => order.systemId === backup?.systemId);
  try {
    await tasks.end(taskId);
    if (backup && concernsUs) await tidyUp(node.mediumFolder, { ...ending, ...backup });
    if (carried) await tasks.forget(taskId);
  } finally {
    points.over(taskId); // its pin goes in any case
  }
}

async function tidyUp(mediumFolder: string, { kind, epoch, ...of }: Ending & BackupName): Promise<void> {
  if (kind === 'scrub') await dropScrubNotes(mediumFolder, of);
  if (kind !== 'snapshot') return;
  if (epoch === undefined) await dropUnfinishedAttempts(mediumFolder, of);
  else await dropOtherAttempts(mediumFolder, { ...of, epoch });
}
