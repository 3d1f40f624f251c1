import type { EventsOf, Instant, NodeId, RebalanceEnded, RebalanceStarted } from '@holdfast/contracts';
import { valuesOf } from './persistent-map';
import { isRetired } from './node-retirement';
import type { RoutingTable } from './routing-table';
import { isServe, type TaskEvent } from './task';

export type RebalanceEvent = EventsOf<[typeof RebalanceStarted, typeof RebalanceEnded]>;

/** Background work goes from the fullest nodes to others until all are about even. */
export interface Rebalance {
  readonly since: Instant;
  readonly by: 'operator' | 'automatic';
  readonly moves: number;
}

export function rebalanceAfter({ type, data }: RebalanceEvent): Rebalance | null {
  return type === 'RebalanceStarted' ? { since: data.at, by: data.by, moves: 0 } : null;
}

export function movesCounted(rebalance: Rebalance | null, { type, data }: TaskEvent): Rebalance | null {
  const moved = type === 'TaskMoved' && data.cause === 'rebalance';
  return rebalance && moved ? { ...rebalance, moves: rebalance.moves + 1 } : rebalance;
}

/** How full a node is: its background load over its budget, once what is underway has arrived. */
export interface Fullness {
  readonly nodeId: NodeId;
  readonly budget: number;
  readonly load: number;
}

/** Of all nodes that may carry something new. */
export function fullness({ nodes, tasks }: Pick<RoutingTable, 'nodes' | 'tasks'>): Fullness[] {
  const loads = new Map<NodeId, number>();
  for (const task of valuesOf(tasks)) {
    const nodeId = task.recall?.toNodeId ?? task.nodeId;
    if (nodeId && !isServe(task)) loads.set(nodeId, (loads.get(nodeId) ?? 0) + task.cost);
  }
  return Object.values(nodes)
    .filter((node) => node.state === 'open' && !node.drain)
    .map(({ nodeId, budget }) => ({ nodeId, budget, load: loads.get(nodeId) ?? 0 }));
}

/** The largest load over its fair share; 1 where there is nothing to share. */
export function maxOverFair(nodes: readonly Fullness[]): number {
  const load = nodes.reduce((sum, node) => sum + node.load, 0);
  if (load === 0) return 1;
  const budget = nodes.reduce((sum, node) => sum + node.budget, 0);
  return Math.max(...nodes.map((node) => node.load / ((load * node.budget) / budget)));
}

/** A node that is down, suspect or drained may be back with its load soon: levelling would be undone. */
export function isCalm({ nodes }: Pick<RoutingTable, 'nodes'>): boolean {
  return Object.values(nodes).every((node) => isRetired(node) || (node.state === 'open' && !node.drain));
}
