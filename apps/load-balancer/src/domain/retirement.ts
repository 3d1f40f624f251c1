import type { Instant, NodeId } from '@holdfast/contracts';
import type { Home } from './homes';
import { mapped, valuesOf } from './persistent-map';
import type { RoutingTable, TableNode } from './routing-table';
import type { Task } from './task';

export const isRetired = ({ state, cause }: TableNode) => state === 'closed' && cause === 'retired';

/** A retired node leaves the table with its last task, and is home to nothing: who joins by its name is another. */
export function withoutRetired(table: RoutingTable, { nodeId, at }: { nodeId: NodeId; at: Instant }): RoutingTable {
  const node = table.nodes[nodeId];
  if (!node || !isRetired(node) || !isEmpty(table, nodeId)) return table;
  const { [nodeId]: _gone, ...nodes } = table.nodes;
  const isHome = (home: Home | null) => home?.nodeId === nodeId;
  const tasks = mapped(table.tasks, (task) => (isHome(task.home) ? settled(task, at) : task));
  const homes = mapped(table.homes, (home) => (isHome(home) ? undefined : home));
  return { ...table, nodes, tasks, homes };
}

function isEmpty({ tasks }: RoutingTable, nodeId: NodeId): boolean {
  return valuesOf(tasks).every((task) => task.nodeId !== nodeId);
}

/** Whoever has it now is its home. */
function settled(task: Task, since: Instant): Task {
  return { ...task, home: task.nodeId && { nodeId: task.nodeId, since } };
}
