import type { Tx } from '@holdfast/event-store';
import { assertNever } from '@holdfast/kernel';
import { Injectable } from '@nestjs/common';
import { CheckpointBatches, type CheckpointsTimer } from './checkpoint-batches';
import type { SightTimer } from './fleet';
import type { LevelTimer } from './level-watch';
import type { CheckDeletionTimer, CheckTaskTimer, SettleTimer } from './looks';
import { Placements } from './placements';
import { ProgressWatch } from './progress';
import { type CheckRemovalTimer, Systems } from './systems';

export type DueTimer =
  CheckTaskTimer | SettleTimer | CheckDeletionTimer | CheckpointsTimer | CheckRemovalTimer | SightTimer | LevelTimer;

/** What is done when something did not happen in time. */
@Injectable()
export class DueTimers {
  constructor(
    private readonly placements: Placements,
    private readonly systems: Systems,
    private readonly checkpoints: CheckpointBatches,
    private readonly progress: ProgressWatch,
  ) {}

  async fire(tx: Tx, due: DueTimer): Promise<void> {
    switch (due.type) {
      case 'CheckTask': {
        const { clusterId, taskId } = due;
        const progress = this.progress.of(clusterId, taskId);
        await this.placements.decide(tx, clusterId, { type: 'CheckTask', taskId, progress });
        return;
      }
      case 'Settle':
        await this.placements.decide(tx, due.clusterId, { type: 'Settle' });
        return;
      case 'CheckDeletion':
        await this.placements.decide(tx, due.clusterId, due);
        return;
      case 'TellCheckpoints':
        return this.checkpoints.tell(tx, due.clusterId);
      case 'CheckRemoval':
        return this.systems.checkRemoval(tx, due.systemId);
      case 'LevelByItself':
        return this.placements.levelByItself(tx, due.clusterId);
      case 'SightHeld':
        await this.placements.decide(tx, due.clusterId, { type: 'ResumePlacement', brake: 'blind' });
        return;
      default:
        return assertNever(due);
    }
  }
}
