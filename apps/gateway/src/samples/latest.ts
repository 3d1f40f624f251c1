import type { HeartbeatObserved, SampleOf, ServiceStatusObserved, TaskProgressObserved } from '@holdfast/contracts';

export type Heartbeat = SampleOf<typeof HeartbeatObserved>['data'];
export type ServiceStatus = SampleOf<typeof ServiceStatusObserved>['data'];
type TaskProgress = SampleOf<typeof TaskProgressObserved>['data'];

export interface Seen<T> {
  readonly data: T;
  readonly appendedAt: string;
}

export interface SeenProgress extends Seen<TaskProgress> {
  /** When it last came forward: a worker that stands still tells so each second. */
  readonly movedAt: string;
  /** Of this attempt, the last ones. */
  readonly rates: readonly number[];
}

/** Half a minute of them. */
const RATES = 30;
/** Whoever is silent for so long has ended, or its node has: its last word is of no use any more. */
const FORGET_MS = 60_000;

/** The newest sample of each subject, in memory alone: after a start nothing is known until it is heard again. */
export class LatestSamples {
  private readonly beats = new Map<string, Seen<Heartbeat>>();
  /** Of any node: whose heartbeats do not arrive is known some time after it. */
  private firstAt: string | undefined;
  private readonly statuses = new Map<string, Seen<ServiceStatus>>();
  /** In the order in which they were last heard. */
  private readonly progress = new Map<string, SeenProgress>();

  beat(seen: Seen<Heartbeat>): void {
    this.firstAt ??= seen.appendedAt;
    keepNewer(this.beats, seen.data.nodeId, seen);
  }

  status(seen: Seen<ServiceStatus>): void {
    keepNewer(this.statuses, seen.data.service, seen);
  }

  /** An older attempt may go on telling after its task has moved: nobody listens to it. */
  taskProgress({ data, appendedAt }: Seen<TaskProgress>): void {
    const before = this.progress.get(data.taskId);
    if (before && before.data.epoch > data.epoch) return;
    const same = before?.data.epoch === data.epoch ? before : undefined;
    const rates = [...(same?.rates ?? []), data.bytesPerSec].slice(-RATES);
    const movedAt = same && same.data.doneBytes >= data.doneBytes ? same.movedAt : appendedAt;
    this.progress.delete(data.taskId);
    this.progress.set(data.taskId, { data, appendedAt, movedAt, rates });
    this.forgetBefore(Date.parse(appendedAt) - FORGET_MS);
  }

  beatOf(nodeId: string): Seen<Heartbeat> | undefined {
    return this.beats.get(nodeId);
  }

  /** When the first heartbeat of any node was heard. */
  firstBeatAt(): string | undefined {
    return this.firstAt;
  }

  progressOf(taskId: string): SeenProgress | undefined {
    return this.progress.get(taskId);
  }

  services(): Seen<ServiceStatus>[] {
    return [...this.statuses.values()].sort((a, b) => (a.data.service < b.data.service ? -1 : 1));
  }

  private forgetBefore(time: number): void {
    for (const [taskId, { appendedAt }] of this.progress) {
      if (Date.parse(appendedAt) >= time) return;
      this.progress.delete(taskId);
    }
  }
}

function keepNewer<T>(known: Map<string, Seen<T>>, key: string, seen: Seen<T>): void {
  if ((known.get(key)?.appendedAt ?? '') <= seen.appendedAt) known.set(key, seen);
}
