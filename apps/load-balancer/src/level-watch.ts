import type { ClusterId, Instant } from '@holdfast/contracts';
import type { Tx } from '@holdfast/event-store';
import { UNEVEN_MS } from './domain/rebalance-steps';
import { isUneven } from './domain/rebalance-wishes';
import type { Known, RoutingTable } from './domain/routing-table';
import { later } from './domain/time';

/** A timer of the routing table's stream: it has been uneven for a while. */
export interface LevelTimer {
  readonly type: 'LevelByItself';
  readonly clusterId: ClusterId;
}

/** Since when each cluster's table has been uneven. A new process counts anew: it has seen nothing of before. */
export class LevelWatch {
  private readonly since = new Map<ClusterId, Instant>();

  /** Each decision may make it even, or no longer so. */
  look(tx: Tx, table: RoutingTable, { clusterId, at }: Known): void {
    const known = this.since.get(clusterId);
    const since = isUneven(table) ? (known ?? at) : undefined;
    if (since) this.since.set(clusterId, since);
    else this.since.delete(clusterId);
    if (!since && !known) return;
    const command: LevelTimer = { type: 'LevelByItself', clusterId };
    tx.setTimer(`routing-table-${clusterId}`, 'level', since ? later(since, UNEVEN_MS) : null, command);
  }

  /** The while is over. If nothing can be done about it, the next one begins. */
  isOver(clusterId: ClusterId): void {
    this.since.delete(clusterId);
  }
}
