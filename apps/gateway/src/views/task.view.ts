import type { TaskRow } from '../projections/tasks.projection';
import type { SeenProgress } from '../samples/latest';
import type { Brake } from './cluster.view';

/** A worker tells each second: one that has been silent for so long has no rate that anybody knows. */
const FRESH_MS = 5_000;

export type TaskView = Omit<TaskRow, 'bytesPerSec'> & { bytesPerSec: number | null };

/** What the events say, and the newest sample of the attempt that stands. A checkpoint may be newer than a sample. */
export function taskView(row: TaskRow, seen: SeenProgress | undefined, now: number): TaskView {
  if (!seen || row.state !== 'running' || seen.data.epoch !== row.epoch) return row;
  const { doneBytes, totalBytes, bytesPerSec } = seen.data;
  return {
    ...row,
    doneBytes: Math.max(doneBytes, row.checkpoint?.epoch === row.epoch ? (row.doneBytes ?? 0) : 0),
    totalBytes,
    bytesPerSec: isFresh(seen, now) ? bytesPerSec : null,
  };
}

/** What waits for a node waits for the brake first. */
export const underBrake = (task: TaskView, brake: Brake | undefined): TaskView =>
  brake && task.state === 'pending' ? { ...task, reason: brake.text } : task;

export const isFresh = ({ appendedAt }: SeenProgress, now: number): boolean => now - Date.parse(appendedAt) < FRESH_MS;
