import { type Decision, ofTask } from './decision';
import type { BackgroundTask } from './task';
import { later } from './time';

/** After so many it is parked: a person looks. Whoever came forward in between begins to count anew. */
export const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 5_000;

export interface Failure {
  /** node: elsewhere · busy: there, later · subject: nowhere, until somebody has looked at it. */
  readonly errorClass: 'node' | 'subject' | 'busy';
  readonly code: string;
}

/** Background work failed: it is tried again after a pause, each twice as long, or parked. */
export function fail(decision: Decision, task: BackgroundTask, { errorClass, code }: Failure): void {
  const { attempts } = task;
  const about = ofTask(task, decision.known);
  if (errorClass === 'subject' || attempts >= ATTEMPTS) {
    decision.add({ type: 'TaskParked', data: { ...about, attempts, reason: code } });
    return;
  }
  const notBefore = later(decision.known.at, FIRST_PAUSE_MS * 2 ** attempts);
  const data = { ...about, attempt: attempts + 1, code, errorClass, notBefore };
  decision.add({ type: 'TaskRetryScheduled', data });
}
