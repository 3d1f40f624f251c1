import type { NodeId } from '@holdfast/contracts';
import type { Known, TableNode } from './routing-table';
import type { Task } from './task';
import { msBetween } from './time';

/** What an agent reported of its node when it started. */
export interface Inventory {
  readonly kinds: readonly string[];
  readonly mediumOk: boolean;
}

/** The filter that keeps a task off a node, the first that does; null: it may go there. */
export function filterOf(
  node: TableNode | undefined,
  { kind }: Pick<Task, 'kind'>,
  { inventories = {} }: Known,
): string | null {
  if (node?.state !== 'open') return node?.cause ?? 'closed';
  if (node.drain) return 'draining';
  const inventory = inventories[node.nodeId];
  if (inventory && !inventory.kinds.includes(kind)) return 'kind';
  if (inventory && !inventory.mediumOk) return 'medium';
  return null;
}

/** What keeps it off only while another node is left: better there than nowhere. */
export function reluctanceOf(
  node: TableNode | undefined,
  task: Pick<Task, 'avoided'>,
  { at, inMaintenance = [] }: Known,
): string | null {
  if (!node) return null;
  if (isAvoided(task, node.nodeId, at)) return 'avoided';
  if (inMaintenance.includes(node.nodeId)) return 'maintenance';
  return isOnHold(node, at) ? 'hold' : null;
}

export function isAvoided({ avoided }: Pick<Task, 'avoided'>, nodeId: NodeId, at: string): boolean {
  const until = avoided[nodeId];
  return until !== undefined && msBetween(at, until) > 0;
}

/** It was down, perhaps often: for a while nothing comes home to it. */
function isOnHold({ holdUntil }: TableNode, at: string): boolean {
  return holdUntil !== null && msBetween(at, holdUntil) > 0;
}
