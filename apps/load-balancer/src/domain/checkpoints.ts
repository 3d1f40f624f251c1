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

/** Those of the owners, at their epochs: the rest is late. */
export function noteCheckpoints(decision: Decision, { items }: NoteCheckpoints): void {
  const { clusterId, at } = decision.known;
  const current = items.filter(({ taskId, nodeId, epoch }) => {
    const task = lookUp(decision.table.tasks, taskId);
    return task !== undefined && task.kind !== 'serve' && task.nodeId === nodeId && task.epoch === epoch;
  });
  if (current.length > 0) decision.add({ type: 'TasksCheckpointed', data: { clusterId, items: current, at } });
}
