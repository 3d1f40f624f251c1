import type { Drain, NodeRow } from '../projections/nodes.projection';
import type { OperationRow } from '../projections/operation';
import type { SystemRow } from '../projections/systems.projection';
import type { TaskRow } from '../projections/tasks.projection';
import type { SeenProgress } from '../samples/latest';
import { isFresh, taskView } from './task.view';

export interface Progress {
  readonly done: number;
  readonly total: number | null;
  readonly unit: 'bytes' | 'tasks';
  readonly perSec: number | null;
  readonly etaSec: { readonly p50: number; readonly p90: number } | null;
}

/** What an operation is about, as it stands. */
export interface Around {
  readonly task?: TaskRow | undefined;
  readonly node?: NodeRow | undefined;
  readonly system?: SystemRow | undefined;
  /** Of its task; of a restore's serve task. */
  readonly seen?: SeenProgress | undefined;
}

interface OperationStanding {
  readonly phase: string | null;
  readonly progress: Progress | null;
  /** When it last came forward, where that is known. */
  readonly movedAt: string | null;
}

const nothing: OperationStanding = { phase: null, progress: null, movedAt: null };

/** How far an open operation is: what its task, its node or its system tells of itself. */
export function operationStanding(row: OperationRow, around: Around, now: number): OperationStanding {
  const { task, node, system, seen } = around;
  if (task) return ofTask(task, seen, { now, isWhole: row.kind === 'TaskRequested' });
  if (row.kind === 'SystemRequested' && system) return ofRestore(system, seen, now);
  if (row.kind === 'NodeDrainRequested' && node?.drain) return ofDrain(node, node.drain);
  return nothing;
}

/** A request to move or to cancel a task is not as far as the task is. */
function ofTask(task: TaskRow, seen: SeenProgress | undefined, { now, isWhole }: { now: number; isWhole: boolean }) {
  const { state, doneBytes, totalBytes, bytesPerSec, epoch, toldAt } = taskView(task, seen, now);
  const told = doneBytes !== null && isWhole;
  const progress = told ? inBytes({ doneBytes, totalBytes, bytesPerSec }, seen) : null;
  const seenAt = seen && seen.data.epoch === epoch && seen.movedAt > toldAt ? seen.movedAt : toldAt;
  return { phase: state, progress, movedAt: seenAt };
}

function ofRestore({ serving, fromBackup }: SystemRow, seen: SeenProgress | undefined, now: number): OperationStanding {
  const { state, since } = serving;
  if (!fromBackup || !seen) return { phase: state, progress: null, movedAt: since };
  const { doneBytes, totalBytes } = seen.data;
  const bytesPerSec = isFresh(seen, now) ? seen.data.bytesPerSec : null;
  return { phase: state, progress: inBytes({ doneBytes, totalBytes, bytesPerSec }, seen), movedAt: seen.movedAt };
}

function ofDrain({ carries }: NodeRow, { state, total, movedAt }: Drain): OperationStanding {
  const left = Object.values(carries);
  const phase = state !== 'draining' ? state : left.some((cost) => cost !== null) ? 'tasks' : 'systems';
  const done = Math.max(0, total - left.length);
  return { phase, progress: { done, total, unit: 'tasks', perSec: null, etaSec: null }, movedAt };
}

type Told = { doneBytes: number; totalBytes: number | null; bytesPerSec: number | null };

function inBytes({ doneBytes, totalBytes, bytesPerSec }: Told, seen: SeenProgress | undefined): Progress {
  const left = totalBytes === null ? null : totalBytes - doneBytes;
  const etaSec = bytesPerSec !== null && left !== null && seen ? etaOf(left, seen.rates) : null;
  return { done: doneBytes, total: totalBytes, unit: 'bytes', perSec: bytesPerSec, etaSec };
}

/** By the rate that half of the last samples reached, and the one that nine of ten did; of one that bursts, by the mean. */
export function etaOf(leftBytes: number, rates: readonly number[]): Progress['etaSec'] {
  const sorted = [...rates].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / Math.max(1, rates.length);
  const [usual, slow] = [at(0.5) || mean, at(0.1)];
  if (usual <= 0) return null;
  const secondsAt = (rate: number) => Math.ceil(leftBytes / rate);
  return { p50: secondsAt(usual), p90: secondsAt(slow > 0 ? slow : usual) };
}
