import type { Tx } from '@holdfast/event-store';
import { assertNever } from '@holdfast/kernel';
import { Injectable } from '@nestjs/common';
import type { SightTimer } from './fleet';
import { type CheckTaskTimer, Placements } from './placements';
import { type CheckRemovalTimer, Systems } from './systems';

export type DueTimer = CheckTaskTimer | CheckRemovalTimer | SightTimer;

/** What is done when something did not happen in time. */
@Injectable()
export class DueTimers {
  constructor(
    private readonly placements: Placements,
    private readonly systems: Systems,
  ) {}

  async fire(tx: Tx, due: DueTimer): Promise<void> {
    switch (due.type) {
      case 'CheckTask':
        await this.placements.decide(tx, due.clusterId, { type: 'CheckTask', taskId: due.taskId });
        return;
      case 'CheckRemoval':
        return this.systems.checkRemoval(tx, due.systemId);
      case 'SightHeld':
        await this.placements.decide(tx, due.clusterId, { type: 'ResumePlacement', brake: 'blind' });
        return;
      default:
        return assertNever(due);
    }
  }
}
