import type { ClusterId } from '@holdfast/contracts';
import { evolveHealth, type ClusterHealth, type HealthEvent } from './cluster-health';
import type { UnwatchNode, WatchNode } from './commands';
import { probePlan } from './probe-plan';
import { toInstant } from './standing';

export function watch({ clusterId, nodeId, zone, dataAddress, atMs }: WatchNode, state: ClusterHealth): HealthEvent[] {
  const known = state.nodes[nodeId];
  if (known?.zone === zone && known.dataAddress === dataAddress) return [];
  const data = { clusterId, at: toInstant(atMs), nodeId, zone, dataAddress };
  return withPlan(clusterId, { type: 'NodeWatched', data }, state);
}

export function unwatch({ clusterId, nodeId, atMs }: UnwatchNode, state: ClusterHealth): HealthEvent[] {
  if (!state.nodes[nodeId]) return [];
  return withPlan(clusterId, { type: 'NodeUnwatched', data: { clusterId, at: toInstant(atMs), nodeId } }, state);
}

export function planFor(clusterId: ClusterId, state: ClusterHealth, atMs: number): HealthEvent {
  const edges = probePlan(Object.values(state.nodes));
  return { type: 'ProbePlanIssued', data: { clusterId, at: toInstant(atMs), edges } };
}

function withPlan(clusterId: ClusterId, event: HealthEvent, state: ClusterHealth): HealthEvent[] {
  return [event, planFor(clusterId, evolveHealth(state, event), Date.parse(event.data.at))];
}
