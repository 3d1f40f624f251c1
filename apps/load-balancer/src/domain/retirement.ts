import type { Instant, NodeId } from '@holdfast/contracts';
import type { Home } from './homes';
import type { RoutingTable, TableNode } from './routing-table';
import type { Task } from './task';

export const isRetired = ({ state, cause }: TableNode) => state === 'closed' && cause === 'retired';

/** A retired node leaves the table with its last task, and is home to nothing: who joins by its name is another. */
export function withoutRetired(table: RoutingTable, at: Instant): RoutingTable {
  const retired = Object.values(table.nodes).find((node) => isRetired(node) && isEmpty(table, node));
  if (!retired) return table;
  const { [retired.nodeId]: _node, ...nodes } = table.nodes;
  const isHome = (home: Home | null) => home?.nodeId === retired.nodeId;
  const tasks = Object.values(table.tasks).map((task) => (isHome(task.home) ? settled(task, at) : task));
  const homes = Object.entries(table.homes).filter(([, home]) => !isHome(home));
  return { ...table, nodes, tasks: byId(tasks), homes: Object.fromEntries(homes) };
}

function byId(tasks: readonly Task[]): RoutingTable['tasks'] {
  return Object.fromEntries(tasks.map((task) => [task.taskId, task]));
}

function isEmpty({ tasks }: RoutingTable, { nodeId }: { readonly nodeId: NodeId }): boolean {
  return Object.values(tasks).every((task) => task.nodeId !== nodeId);
}

/** Whoever has it now is its home. */
function settled(task: Task, since: Instant): Task {
  return { ...task, home: task.nodeId && { nodeId: task.nodeId, since } };
}
