import type { HeartbeatObserved, SampleOf, ServiceStatusObserved } from '@holdfast/contracts';

export type Heartbeat = SampleOf<typeof HeartbeatObserved>['data'];
export type ServiceStatus = SampleOf<typeof ServiceStatusObserved>['data'];

export interface Seen<T> {
  readonly data: T;
  readonly appendedAt: string;
}

/** The newest sample of each subject, in memory alone: after a start nothing is known until it is heard again. */
export class LatestSamples {
  private readonly beats = new Map<string, Seen<Heartbeat>>();
  private readonly statuses = new Map<string, Seen<ServiceStatus>>();

  beat(seen: Seen<Heartbeat>): void {
    keepNewer(this.beats, seen.data.nodeId, seen);
  }

  status(seen: Seen<ServiceStatus>): void {
    keepNewer(this.statuses, seen.data.service, seen);
  }

  beatOf(nodeId: string): Seen<Heartbeat> | undefined {
    return this.beats.get(nodeId);
  }

  services(): Seen<ServiceStatus>[] {
    return [...this.statuses.values()].sort((a, b) => (a.data.service < b.data.service ? -1 : 1));
  }
}

function keepNewer<T>(known: Map<string, Seen<T>>, key: string, seen: Seen<T>): void {
  if ((known.get(key)?.appendedAt ?? '') <= seen.appendedAt) known.set(key, seen);
}
