import type { ClusterId, Instant, SampleOf, TaskId, TaskProgressObserved } from '@holdfast/contracts';
import { Injectable } from '@nestjs/common';
import type { Progress } from './domain/silence';

interface Seen {
  readonly epoch: number;
  readonly doneBytes: number;
  readonly heardMs: number;
  /** When its bytes were more than before. */
  readonly cameMs: number;
}

/** Beyond so many, what was not heard of for longest is forgotten. */
const REMEMBERED = 20_000;

/**
 * How tasks come forward, by the append times of their cluster's samples: one partition, one clock. While nothing is read,
 * that clock stands still, so a late consumer or broker is no silence; and a new process counts from what it reads first.
 */
@Injectable()
export class ProgressWatch {
  private readonly clocks = new Map<ClusterId, { readonly firstMs: number; nowMs: number }>();
  private readonly seen = new Map<TaskId, Seen>();

  /** Anything that is heard of a cluster moves its clock. */
  tick(clusterId: ClusterId, appendedAt: Instant): number {
    const ms = Date.parse(appendedAt);
    const clock = this.clocks.get(clusterId) ?? { firstMs: ms, nowMs: ms };
    clock.nowMs = Math.max(clock.nowMs, ms);
    this.clocks.set(clusterId, clock);
    return clock.nowMs;
  }

  note(
    { clusterId, taskId, epoch, doneBytes }: SampleOf<typeof TaskProgressObserved>['data'],
    appendedAt: Instant,
  ): void {
    const heardMs = this.tick(clusterId, appendedAt);
    const before = this.seen.get(taskId);
    if (before && epoch < before.epoch) return;
    const came = !before || epoch > before.epoch || doneBytes > before.doneBytes;
    this.seen.delete(taskId); // So that the one heard last stands last.
    this.seen.set(taskId, { epoch, doneBytes, heardMs, cameMs: came ? heardMs : before.cameMs });
    const [oldest] = this.seen.keys();
    if (this.seen.size > REMEMBERED && oldest !== undefined) this.seen.delete(oldest);
  }

  of(clusterId: ClusterId, taskId: TaskId): Progress {
    const clock = this.clocks.get(clusterId);
    if (!clock) return { silentMs: 0, stillMs: 0 };
    const { heardMs, cameMs } = this.seen.get(taskId) ?? { heardMs: clock.firstMs, cameMs: clock.firstMs };
    return { silentMs: clock.nowMs - heardMs, stillMs: clock.nowMs - cameMs };
  }
}
