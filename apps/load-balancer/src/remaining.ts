import type { ClusterId, SampleOf, TaskId, TaskProgressObserved } from '@holdfast/contracts';
import { Injectable } from '@nestjs/common';

/** Beyond so many, what was not heard of for longest is forgotten. */
const REMEMBERED = 20_000;

/** How long running tasks will go on, by their last samples. */
@Injectable()
export class Remaining {
  private readonly left = new Map<ClusterId, Map<TaskId, number>>();

  note({ clusterId, taskId, doneBytes, totalBytes, bytesPerSec }: SampleOf<typeof TaskProgressObserved>['data']): void {
    const left = this.left.get(clusterId) ?? new Map<TaskId, number>();
    this.left.set(clusterId, left);
    left.delete(taskId); // So that the one heard last stands last.
    // What stands still goes on for ever, as far as can be seen.
    left.set(taskId, bytesPerSec > 0 ? ((totalBytes - doneBytes) / bytesPerSec) * 1_000 : Infinity);
    const [oldest] = left.keys();
    if (left.size > REMEMBERED && oldest !== undefined) left.delete(oldest);
  }

  /** By task; it changes as samples come. */
  of(clusterId: ClusterId): ReadonlyMap<TaskId, number> {
    return this.left.get(clusterId) ?? new Map<TaskId, number>();
  }
}
