import type { ClusterId, NodeId, PlacementChange, PlanStep } from '@holdfast/contracts';
import { xxhash64 } from './xxhash64';

export type PlannedChange =
  | { readonly type: 'drain'; readonly nodeId: NodeId }
  | { readonly type: 'rebalance'; readonly clusterId: ClusterId }
  | PlacementChange;

/** The same change with the same steps gives the same digest, whenever and wherever it is planned. */
export function planDigest(change: PlannedChange, steps: readonly PlanStep[]): string {
  return xxhash64(canonical({ change, steps })).toString(16).padStart(16, '0');
}

/** JSON with its keys in order, and without what is undefined. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join()}}`;
}
