import type { ClusterHealth, HealthEvent } from './cluster-health';
import type { EndMaintenance, JudgeCluster, StartMaintenance } from './commands';
import { LONGEST_MAINTENANCE_MS } from './numbers';
import { toInstant, type Scene } from './standing';

type Refusal = Extract<HealthEvent, { type: 'NodeMaintenanceRejected' }>['data']['reason'];

/** Planned work begins. Said again while it lasts, the new end replaces the old. */
export function startMaintenance(command: StartMaintenance, { nodes }: ClusterHealth): HealthEvent[] {
  const { atMs, forMs, drain, by, reason, requestId } = command;
  if (!nodes[command.nodeId]) return refuse(command, 'UNKNOWN_NODE');
  if (forMs > LONGEST_MAINTENANCE_MS) return refuse(command, 'MAINTENANCE_TOO_LONG');
  const asked = { until: toInstant(atMs + forMs), drain, by, reason, requestId };
  return [{ type: 'NodeMaintenanceStarted', data: { ...ofNode(command), ...asked } }];
}

export function endMaintenance(command: EndMaintenance, { nodes }: ClusterHealth): HealthEvent[] {
  const node = nodes[command.nodeId];
  if (!node) return refuse(command, 'UNKNOWN_NODE');
  if (node.maintenanceUntilMs === null) return refuse(command, 'NOT_IN_MAINTENANCE');
  const { requestId } = command;
  return [{ type: 'NodeMaintenanceEnded', data: { ...ofNode(command), by: 'operator', requestId } }];
}

/** Forgotten by whoever started it, it ends by itself: on the log clock, like every other deadline here. */
export function endOverdueMaintenance({ clusterId }: JudgeCluster, { atMs, standings }: Scene): HealthEvent[] {
  return standings
    .filter(({ node }) => node.maintenanceUntilMs !== null && node.maintenanceUntilMs <= atMs)
    .map(({ node }) => {
      return {
        type: 'NodeMaintenanceEnded',
        data: { clusterId, at: toInstant(atMs), nodeId: node.nodeId, by: 'time' },
      };
    });
}

function refuse(command: StartMaintenance | EndMaintenance, reason: Refusal): HealthEvent[] {
  return [{ type: 'NodeMaintenanceRejected', data: { ...ofNode(command), requestId: command.requestId, reason } }];
}

const ofNode = ({ clusterId, nodeId, atMs }: StartMaintenance | EndMaintenance) => {
  return { clusterId, at: toInstant(atMs), nodeId };
};
