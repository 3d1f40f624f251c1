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

/** One cluster's samples share a partition, and with it a clock. */
interface ClusterSamples {
  readonly firstMs: number;
  nowMs: number;
  readonly seen: Map<TaskId, Seen>;
  readonly leftMs: Map<TaskId, number>;
}

/** Each task tells each second: after so long all have been heard of. */
const ALL_HEARD_MS = 5_000;

/** Beyond so many of a cluster, what was not heard of for longest is forgotten. */
const REMEMBERED = 20_000;

/**
 * How tasks come forward, by the append times of their samples. While nothing is read that clock stands still, so a late
 * consumer or broker is no silence; and a new process counts from what it reads first.
 */
@Injectable()
export class ProgressWatch {
  private readonly clusters = new Map<ClusterId, ClusterSamples>();

  /** Anything that is heard of a cluster moves its clock. */
  tick(clusterId: ClusterId, appendedAt: Instant): void {
    this.heard(clusterId, Date.parse(appendedAt));
  }

  note(data: SampleOf<typeof TaskProgressObserved>['data'], appendedAt: Instant): void {
    const { clusterId, taskId, epoch, doneBytes, totalBytes, bytesPerSec } = data;
    const { seen, leftMs, nowMs } = this.heard(clusterId, Date.parse(appendedAt));
    const before = seen.get(taskId);
    if (before && epoch < before.epoch) return;
    const came = !before || epoch > before.epoch || doneBytes > before.doneBytes;
    remember(seen, taskId, { epoch, doneBytes, heardMs: nowMs, cameMs: came ? nowMs : before.cameMs });
    // What stands still goes on for ever, as far as can be seen.
    remember(leftMs, taskId, bytesPerSec > 0 ? ((totalBytes - doneBytes) / bytesPerSec) * 1_000 : Infinity);
  }

  of(clusterId: ClusterId, taskId: TaskId): Progress {
    const cluster = this.clusters.get(clusterId);
    if (!cluster) return { silentMs: 0, stillMs: 0 };
    const { firstMs, nowMs, seen } = cluster;
    const { heardMs, cameMs } = seen.get(taskId) ?? { heardMs: firstMs, cameMs: firstMs };
    return { silentMs: nowMs - heardMs, stillMs: nowMs - cameMs };
  }

  /** How long each task will go on at its last rate; it changes as samples come. Undefined: not all were heard of yet. */
  leftOf(clusterId: ClusterId): ReadonlyMap<TaskId, number> | undefined {
    const cluster = this.clusters.get(clusterId);
    return cluster && cluster.nowMs - cluster.firstMs >= ALL_HEARD_MS ? cluster.leftMs : undefined;
  }

  private heard(clusterId: ClusterId, ms: number): ClusterSamples {
    const cluster = this.clusters.get(clusterId) ?? { firstMs: ms, nowMs: ms, seen: new Map(), leftMs: new Map() };
    cluster.nowMs = Math.max(cluster.nowMs, ms);
    this.clusters.set(clusterId, cluster);
    return cluster;
  }
}

/** The one heard last stands last. */
function remember<T>(map: Map<TaskId, T>, taskId: TaskId, value: T): void {
  map.delete(taskId);
  map.set(taskId, value);
  const [oldest] = map.keys();
  if (map.size > REMEMBERED && oldest !== undefined) map.delete(oldest);
}
