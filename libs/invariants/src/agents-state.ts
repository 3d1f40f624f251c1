import { serveTaskOf, systemOfServeTask } from '@holdfast/contracts';
import type { Told } from './event';

/** An epoch that an agent shows in what it tells, of one thing. */
export interface Shown {
  readonly taskId: string;
  readonly epoch: number;
  /** acted: it did something at it; known: the highest that it knows. */
  readonly as: 'acted' | 'known';
}

/** What an agent did at an epoch that fences, or the highest epoch that it says it knows. */
export function shownIn(event: Told): Shown | null {
  switch (event.type) {
    case 'TaskTaken':
      return { taskId: event.data.taskId, epoch: event.data.epoch, as: 'acted' };
    // A point is frozen, and files are taken away, by whoever may serve.
    case 'PointFrozen':
    case 'SystemRemoved':
      return { taskId: serveTaskOf(event.data.systemId), epoch: event.data.epoch, as: 'acted' };
    case 'TaskDeclined': {
      const { taskId, highestEpoch, claim } = event.data;
      const epoch = systemOfServeTask(taskId) ? Math.max(highestEpoch ?? 0, claim?.epoch ?? 0) : highestEpoch;
      return epoch ? { taskId, epoch, as: 'known' } : null;
    }
    default:
      return null;
  }
}

/** The highest epoch that each agent has shown of each thing; a new journal begins anew. */
export class AgentsState {
  private readonly highest = new Map<string, number>();

  highestOf(stream: string, taskId: string): number {
    return this.highest.get(`${stream} ${taskId}`) ?? 0;
  }

  advance(event: Told): void {
    const shown = shownIn(event);
    if (!shown) return;
    const { taskId, epoch } = shown;
    this.highest.set(`${event.stream} ${taskId}`, Math.max(epoch, this.highestOf(event.stream, taskId)));
  }
}

/** A serve task is its system's own. */
export function subjectOfTask(taskId: string): string {
  const systemId = systemOfServeTask(taskId);
  return systemId ? `system/${systemId}` : `task/${taskId}`;
}
