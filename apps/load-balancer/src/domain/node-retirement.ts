import type { NodeId } from '@holdfast/contracts';
import { withoutHome } from './homes';
import { valuesOf } from './persistent-map';
import type { RoutingTable, TableNode } from './routing-table';

export const isRetired = ({ state, cause }: TableNode) => state === 'closed' && cause === 'retired';

/** A retired node leaves the table with its last task, and is home to nothing: who joins by its name is another. */
export function withoutRetired(table: RoutingTable, nodeId: NodeId): RoutingTable {
  const node = table.nodes[nodeId];
  if (!node || !isRetired(node) || !isEmpty(table, nodeId)) return table;
  const { [nodeId]: _gone, ...nodes } = table.nodes;
  return { ...table, nodes, ...withoutHome(table, nodeId) };
}

function isEmpty({ tasks }: RoutingTable, nodeId: NodeId): boolean {
  return valuesOf(tasks).every((task) => task.nodeId !== nodeId);
}
