import type { ClusterId, Instant } from '@holdfast/contracts';
import { gauge, histogram } from '@holdfast/observability';
import { msBetween, type RoutingTable, type TableEvent, type Task } from './domain/routing-table';

/** How many systems nobody serves, and how long it takes until somebody else does. */
export class PlacementMetrics {
  private readonly withoutHolder = gauge('systems_without_holder', 'Systems to be served that no node has taken', [
    'cluster',
  ]);
  private readonly takeoverSeconds = histogram(
    'system_takeover_seconds',
    'From the decision to move a system to its service elsewhere',
    ['cluster', 'reason'],
  );
  private readonly moved = new Map<string, { at: Instant; reason: string }>();

  note(cluster: ClusterId, table: RoutingTable, events: readonly TableEvent[]): void {
    const isHeld = ({ phase, nodeId }: Task) =>
      phase === 'running' && nodeId !== null && table.nodes[nodeId]?.state !== 'closed';
    this.withoutHolder.set({ cluster }, Object.values(table.tasks).filter((task) => !isHeld(task)).length);

    for (const { type, data } of events) {
      if (type === 'TaskMoved') this.moved.set(data.taskId, { at: data.at, reason: data.cause });
      if (type !== 'TaskStartConfirmed') continue;
      const move = this.moved.get(data.taskId);
      this.moved.delete(data.taskId);
      if (move) this.takeoverSeconds.observe({ cluster, reason: move.reason }, msBetween(move.at, data.at) / 1_000);
    }
  }
}
