import type { Instant } from '@holdfast/contracts';
import { RETRY_MS } from './orders';
import { ISOLATED_MS, lostBy } from './owed';
import { valuesOf } from './persistent-map';
import { FROZEN_MS } from './points';
import { STOPPED_MS } from './recalls';
import { deadlinesAfter, isDraining } from './drain-steps';
import type { Known, RoutingTable } from './routing-table';
import { STALLED_FOR_GOOD_MS, STALLED_MS } from './silence';
import { type BackgroundTask, isBackground, isServe, type Task } from './task';
import { later, msBetween } from './time';

type Now = Pick<Known, 'at' | 'takenMs'>;

/** When to look at the task again if nothing is heard of it until then; null: it waits for nothing that time brings. */
export function nextLook(table: RoutingTable, task: Task, { at, takenMs, stillMs = 0 }: Now & { stillMs?: number }) {
  switch (task.phase) {
    case 'assigned':
      return after(task.since, takenMs, at);
    case 'freezing':
      return after(task.since, FROZEN_MS, at);
    case 'stopping':
      return after(task.since, STOPPED_MS, at);
    case 'retrying':
      return task.notBefore && msBetween(at, task.notBefore) > 0 ? task.notBefore : later(at, RETRY_MS);
    case 'pending':
      return isServe(task) ? later(at, RETRY_MS) : null;
    case 'held':
    case 'running':
      return isServe(task) ? orphanLook(table, task, at) : later(at, untilStalled(task, stillMs));
    default:
      return orphanLook(table, task, at);
  }
}

function untilStalled({ stalled }: BackgroundTask, stillMs: number): number {
  const leftMs = (stalled ? STALLED_FOR_GOOD_MS : STALLED_MS) - stillMs;
  return leftMs > 0 ? leftMs : RETRY_MS;
}

/** `ms` after `since`, or that much from now on if that is past already: something forbade it then. */
function after(since: Instant, ms: number, at: Instant): Instant {
  const due = later(since, ms);
  return msBetween(at, due) > 0 ? due : later(at, ms);
}

function orphanLook({ nodes }: RoutingTable, { nodeId }: Task, at: Instant): Instant | null {
  return nodeId !== null && nodes[nodeId]?.state === 'closed' ? later(at, RETRY_MS) : null;
}

/**
 * When to settle the whole table again, for background work has no looks of its own while it waits for a node: at once
 * for orphans that one decision did not get to, when a node has been isolated for too long, and else each 30 s.
 */
export function nextSettle(table: RoutingTable, { at }: Pick<Known, 'at'>): Instant | null {
  const deadlines = deadlinesAfter(table, at);
  if (table.brakes.length > 0) return deadlines.sort()[0] ?? null; // Its end settles.
  const tasks = valuesOf(table.tasks).filter(isBackground);
  const untold = (task: BackgroundTask) => task.deferred === null && lostBy(table, task, at) !== null;
  if (tasks.some(untold)) return at;

  const waits = isDraining(table) || tasks.some((task) => task.phase === 'pending' || lostBy(table, task, at) !== null);
  const dues = [...deadlines, ...isolationsOf(table, at), ...(waits ? [nextTick(at)] : [])];
  return dues.sort()[0] ?? null;
}

function isolationsOf({ nodes }: RoutingTable, at: Instant): Instant[] {
  return Object.values(nodes).flatMap(({ state, cause, since }) => {
    const due = later(since, ISOLATED_MS);
    return state === 'cordoned' && cause === 'isolated' && msBetween(at, due) > 0 ? [due] : [];
  });
}

/** The same for all who ask within half a minute: or whoever asks often would put it off for ever. */
function nextTick(at: Instant): Instant {
  const passed = Date.parse(at) % RETRY_MS;
  return later(at, RETRY_MS - passed);
}
