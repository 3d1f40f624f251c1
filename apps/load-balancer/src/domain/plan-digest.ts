import type { ClusterId, NodeId, PlacementChange, PlanStep } from '@holdfast/contracts';
import { canonical } from '@holdfast/kernel';
import { xxhash64 } from './xxhash64';

export type PlannedChange =
  | { readonly type: 'drain'; readonly nodeId: NodeId }
  | { readonly type: 'rebalance'; readonly clusterId: ClusterId }
  | PlacementChange;

/** The same change with the same steps gives the same digest, whenever and wherever it is planned. */
export function planDigest(change: PlannedChange, steps: readonly PlanStep[]): string {
  return xxhash64(canonical({ change, steps })).toString(16).padStart(16, '0');
}
