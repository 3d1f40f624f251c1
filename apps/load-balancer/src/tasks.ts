import type {
  BackupDeletionRequested,
  TaskCancelRequested,
  TaskMoveRequested,
  TaskRequested,
  TaskRetryRequested,
} from '@holdfast/contracts';
import type { Tx } from '@holdfast/event-store';
import { Injectable } from '@nestjs/common';
import type { DataOf } from './domain/data-of';
import { Placements } from './placements';

/** What people ask of background tasks and of backups: each wish is answered on its cluster's table. */
@Injectable()
export class Tasks {
  constructor(
    private readonly placements: Placements,
    private readonly usualBytesPerSec: number,
  ) {}

  async request(tx: Tx, data: DataOf<typeof TaskRequested>): Promise<void> {
    const { clusterId, taskId, kind, systemId, pointId, requestId, bytesPerSec = this.usualBytesPerSec } = data;
    const elsewhere = kind === 'scrub' && (await this.placements.isBackupElsewhere(tx, clusterId, data));
    const asked = { taskId, kind, systemId, pointId, bytesPerSec, requestId, elsewhere };
    await this.placements.decide(tx, clusterId, { type: 'RequestTask', ...asked });
  }

  async move(tx: Tx, data: DataOf<typeof TaskMoveRequested>): Promise<void> {
    const { clusterId, taskId, requestId, toNodeId = null } = data;
    await this.placements.decide(tx, clusterId, { type: 'MoveTask', taskId, requestId, toNodeId });
  }

  async cancel(tx: Tx, { clusterId, taskId, requestId }: DataOf<typeof TaskCancelRequested>): Promise<void> {
    await this.placements.decide(tx, clusterId, { type: 'CancelTask', taskId, requestId });
  }

  async retry(tx: Tx, { clusterId, taskId, requestId }: DataOf<typeof TaskRetryRequested>): Promise<void> {
    await this.placements.decide(tx, clusterId, { type: 'RetryTask', taskId, requestId });
  }

  async deleteBackup(tx: Tx, data: DataOf<typeof BackupDeletionRequested>): Promise<void> {
    const { clusterId, systemId, pointId, requestId } = data;
    await this.placements.decide(tx, clusterId, { type: 'DeleteBackup', systemId, pointId, requestId });
  }
}
