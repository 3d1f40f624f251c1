import { dropOtherAttempts, dropUnfinishedAttempts, type BackupName } from './backup-folder';
import type { Journal } from './journal';
import type { Ending } from './journal-records';
import type { Points } from './points';
import { dropScrubNotes } from './scrub';
import type { Serving } from './serving';
import type { NodeEngine } from './take-up';
import type { Tasks } from './tasks';

type Log = (message: string, details: object) => void;

export interface EndingParts {
  node: NodeEngine;
  serving: Serving;
  points: Points;
  tasks: Tasks;
  journal: Journal;
}

/**
 * Whoever serves the system tidies up after the task, and so does every node that carried it: the system may be served
 * by nobody, and a worker that had not ended yet could make its files once more. Noted with the word that it is over:
 * an agent that dies amid this leaves the rest of it to the next.
 */
export async function endTask(parts: EndingParts, ending: Ending): Promise<void> {
  const { node, points, tasks, journal } = parts;
  const { taskId, backup } = ending;
  const isOurs = concernsUs(parts, ending);
  const isNoted = journal.state.endings.has(taskId);
  try {
    await Promise.all([tasks.end(taskId), isOurs && !isNoted && journal.append({ k: 'ending', ending })]);
    if (backup && isOurs) await tidyUp(node.mediumFolder, { ...ending, ...backup });
    if (isOurs) await tasks.forget(taskId);
  } finally {
    points.over(taskId); // its pin goes in any case
  }
}

/** What the agent before had heard of and not done, and what fails while the medium is away: again until it is done. */
export function endHalfDone(parts: EndingParts, log: Log, everyMs = 10_000): { stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const round = async () => {
    await endNoted(parts, log);
    if (!stopped) timer = setTimeout(() => void round(), everyMs); // one after the other: a mount may hang
  };
  void round();
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

async function endNoted(parts: EndingParts, log: Log): Promise<void> {
  for (const ending of [...parts.journal.state.endings.values()])
    await endTask(parts, ending).catch((error: unknown) =>
      log('not tidied up after a task', { taskId: ending.taskId, error: String(error) }),
    );
}

function concernsUs({ tasks, serving, journal }: EndingParts, { taskId, backup }: Ending): boolean {
  if (tasks.knows(taskId) || journal.state.endings.has(taskId)) return true;
  return serving.held().some(({ order }) => order.systemId === backup?.systemId);
}

async function tidyUp(mediumFolder: string, { kind, epoch, ...of }: Ending & BackupName): Promise<void> {
  if (kind === 'scrub') await dropScrubNotes(mediumFolder, of);
  if (kind !== 'snapshot') return;
  if (epoch === undefined) await dropUnfinishedAttempts(mediumFolder, of);
  else await dropOtherAttempts(mediumFolder, { ...of, epoch });
}
