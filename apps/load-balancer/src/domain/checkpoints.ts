import type { NodeId, TaskId } from '@holdfast/contracts';
import type { Decision } from './decision';
import { lookUp } from './persistent-map';

/** All of a cluster's checkpoints of so long are told in one event. */
export const CHECKPOINTS_MS = 5_000;

export interface CheckpointTold {
  readonly taskId: TaskId;
  readonly nodeId: NodeId;
  readonly epoch: number;
  readonly token: string | null;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface NoteCheckpoints {
  readonly type: 'NoteCheckpoints';
  readonly items: readonly CheckpointTold[];
}

/** Those of the owners, at their epochs: the rest is late. No task is further than at its end, whatever its node says. */
export function noteCheckpoints(decision: Decision, { items }: NoteCheckpoints): void {
  const { clusterId, at } = decision.known;
  const isCurrent = ({ taskId, nodeId, epoch }: CheckpointTold) => {
    const task = lookUp(decision.table.tasks, taskId);
    return task !== undefined && task.kind !== 'serve' && task.nodeId === nodeId && task.epoch === epoch;
  };
  const current = items
    .filter(isCurrent)
    .map((item) => ({ ...item, doneBytes: Math.min(item.doneBytes, item.totalBytes) }));
  if (current.length > 0) decision.add({ type: 'TasksCheckpointed', data: { clusterId, items: current, at } });
}
