import type { ClusterId, TaskCheckpointReached } from '@holdfast/contracts';
import type { Tx } from '@holdfast/event-store';
import { Injectable } from '@nestjs/common';
import { noteCheckpoint, takeCheckpoints } from './checkpoint-rows';
import { CHECKPOINTS_MS } from './domain/checkpoints';
import type { DataOf } from './domain/data-of';
import { later } from './domain/time';
import { Placements } from './placements';

/** A timer of the routing table's stream: what was told of its tasks is due for the log. */
export interface CheckpointsTimer {
  readonly type: 'TellCheckpoints';
  readonly clusterId: ClusterId;
}

const AT_ONCE = 500;

/** A thousand tasks reach a hundred checkpoints a second: the log gets them together, one event in 5 s and cluster. */
@Injectable()
export class CheckpointBatches {
  constructor(private readonly placements: Placements) {}

  async reached(tx: Tx, data: DataOf<typeof TaskCheckpointReached>): Promise<void> {
    const { clusterId, taskId, nodeId, epoch, token, doneBytes, totalBytes } = data;
    await noteCheckpoint(tx, clusterId, { taskId, nodeId, epoch, token, doneBytes, totalBytes });
    const { checkpointedAt } = await this.placements.tableIn(tx, clusterId);
    const due = checkpointedAt ? later(checkpointedAt, CHECKPOINTS_MS) : null;
    if (due && Date.parse(due) > Date.now()) this.setTimer(tx, clusterId, due);
    else await this.tell(tx, clusterId);
  }

  async tell(tx: Tx, clusterId: ClusterId): Promise<void> {
    const items = await takeCheckpoints(tx, clusterId, AT_ONCE);
    if (items.length === 0) return;
    await this.placements.decide(tx, clusterId, { type: 'NoteCheckpoints', items });
    const next = later(new Date().toISOString(), CHECKPOINTS_MS);
    this.setTimer(tx, clusterId, items.length === AT_ONCE ? next : null);
  }

  private setTimer(tx: Tx, clusterId: ClusterId, dueAt: string | null): void {
    const command: CheckpointsTimer = { type: 'TellCheckpoints', clusterId };
    tx.setTimer(`routing-table-${clusterId}`, 'checkpoints', dueAt, command);
  }
}
