import { defineRequest, type RequestContract } from './define';
import {
  ClusterThawed,
  ClusterThawRejected,
  NodeDeclaredDown,
  NodeDownRejected,
  NodeMaintenanceEnded,
  NodeMaintenanceRejected,
  NodeMaintenanceStarted,
} from './health.events';
import {
  ParkedEventActionRejected,
  ParkedEventSkipped,
  ParkedStreamReloaded,
  ParkedStreamResumed,
  ProjectionRebuilt,
  ProjectionRebuildRejected,
} from './log.events';
import {
  BackupDeletionConfirmed,
  BackupDeletionOrdered,
  BackupDeletionRejected,
  TaskActionRejected,
  TaskCompleted,
  TaskParked,
  TaskRejected,
  TaskReopened,
} from './background.events';
import {
  TaskAdmitted,
  TaskAssigned,
  TaskCancelled,
  TaskMoved,
  TaskRecalled,
  TaskStartConfirmed,
} from './placement.events';
import {
  NodeDrained,
  NodeDrainOverdue,
  NodeDrainPlanned,
  NodeDrainRejected,
  NodeDrainStarted,
  NodeDrainStopped,
  PlacementPlanned,
  PlacementPlanRejected,
  RebalanceEnded,
  RebalancePlanned,
  RebalanceRejected,
  RebalanceStarted,
} from './plan.events';
import {
  BackupDeletionRequested,
  ClusterThawRequested,
  NodeDownRequested,
  NodeDrainRequested,
  NodeMaintenanceRequested,
  ParkedEventRetryRequested,
  ParkedEventSkipRequested,
  ParkedStreamReloadRequested,
  PlacementPlanRequested,
  ProjectionRebuildRequested,
  RebalanceRequested,
  SystemDeletionRequested,
  SystemRequested,
  SystemRetirementRequested,
  TaskCancelRequested,
  TaskMoveRequested,
  TaskRequested,
  TaskRetryRequested,
} from './request.events';
import {
  SystemDeleted,
  SystemDeletionRejected,
  SystemDeletionStarted,
  SystemRegistered,
  SystemRejected,
  SystemRetired,
  SystemRetirementRejected,
  SystemRetirementStarted,
} from './system.events';

const ofSystem = ({ systemId }: { systemId: string }) => `system/${systemId}`;
const ofTask = ({ taskId }: { taskId: string }) => `task/${taskId}`;
const ofNode = ({ nodeId }: { nodeId: string }) => `node/${nodeId}`;
const ofCluster = ({ clusterId }: { clusterId: string }) => `cluster/${clusterId}`;
const ofStream = ({ stream }: { stream: string }) => `stream/${stream}`;

/** Every wish that somebody answers, and how. Operator facts (`NodeJoined` …) need no answer: they are their own. */
export const requests: readonly RequestContract[] = [
  defineRequest(SystemRequested, {
    owner: 'load-balancer',
    accepts: [SystemRegistered],
    refuses: [SystemRejected],
    ends: [TaskStartConfirmed],
    subject: ofSystem,
  }),
  defineRequest(SystemRetirementRequested, {
    owner: 'load-balancer',
    accepts: [SystemRetirementStarted],
    refuses: [SystemRetirementRejected],
    ends: [SystemRetired],
    subject: ofSystem,
  }),
  defineRequest(SystemDeletionRequested, {
    owner: 'load-balancer',
    accepts: [SystemDeletionStarted],
    refuses: [SystemDeletionRejected],
    ends: [SystemDeleted],
    subject: ofSystem,
  }),
  defineRequest(TaskRequested, {
    owner: 'load-balancer',
    accepts: [TaskAdmitted],
    refuses: [TaskRejected],
    ends: [TaskCompleted],
    cancels: [TaskCancelled],
    waits: [TaskParked],
    resumes: [TaskReopened],
    subject: ofTask,
  }),
  defineRequest(TaskMoveRequested, {
    owner: 'load-balancer',
    accepts: [TaskRecalled, TaskMoved],
    refuses: [TaskActionRejected],
    ends: [TaskMoved, TaskCompleted],
    cancels: [TaskCancelled],
    subject: ofTask,
  }),
  defineRequest(TaskCancelRequested, {
    owner: 'load-balancer',
    accepts: [TaskRecalled, TaskCancelled],
    refuses: [TaskActionRejected],
    ends: [TaskCancelled, TaskCompleted],
    subject: ofTask,
  }),
  defineRequest(TaskRetryRequested, {
    owner: 'load-balancer',
    accepts: [TaskReopened],
    refuses: [TaskActionRejected],
    ends: [TaskAssigned, TaskMoved],
    cancels: [TaskCancelled],
    subject: ofTask,
  }),
  defineRequest(BackupDeletionRequested, {
    owner: 'load-balancer',
    accepts: [BackupDeletionOrdered],
    refuses: [BackupDeletionRejected],
    ends: [BackupDeletionConfirmed],
    subject: ({ systemId, pointId }) => `backup/${systemId}/${pointId}`,
  }),
  defineRequest(NodeDrainRequested, {
    owner: 'load-balancer',
    accepts: [NodeDrainStarted, NodeDrainStopped],
    refuses: [NodeDrainRejected],
    ends: [NodeDrained, NodeDrainStopped],
    // The end of the request to stop it; of the one to start it, the calling off.
    cancels: [NodeDrainStopped],
    waits: [NodeDrainOverdue],
    resumes: [NodeDrainStarted],
    plans: NodeDrainPlanned,
    // Tasks that end within 3 minutes are left alone.
    stallSec: 240,
    subject: ofNode,
  }),
  defineRequest(RebalanceRequested, {
    owner: 'load-balancer',
    accepts: [RebalanceStarted],
    refuses: [RebalanceRejected],
    ends: [RebalanceEnded],
    plans: RebalancePlanned,
    stallSec: 240,
    subject: ofCluster,
  }),
  defineRequest(PlacementPlanRequested, {
    owner: 'load-balancer',
    accepts: [],
    refuses: [PlacementPlanRejected],
    ends: [PlacementPlanned],
    plans: PlacementPlanned,
    subject: ofCluster,
  }),
  defineRequest(NodeMaintenanceRequested, {
    owner: 'health-monitor',
    accepts: [NodeMaintenanceStarted, NodeMaintenanceEnded],
    refuses: [NodeMaintenanceRejected],
    ends: [NodeMaintenanceStarted, NodeMaintenanceEnded],
    subject: ofNode,
  }),
  defineRequest(NodeDownRequested, {
    owner: 'health-monitor',
    accepts: [NodeDeclaredDown],
    refuses: [NodeDownRejected],
    ends: [NodeDeclaredDown],
    subject: ofNode,
  }),
  defineRequest(ClusterThawRequested, {
    owner: 'health-monitor',
    accepts: [ClusterThawed],
    refuses: [ClusterThawRejected],
    ends: [ClusterThawed],
    subject: ofCluster,
  }),
  defineRequest(ParkedEventRetryRequested, {
    owner: 'the service that parked it',
    accepts: [ParkedStreamResumed],
    refuses: [ParkedEventActionRejected],
    ends: [ParkedStreamResumed],
    subject: ofStream,
  }),
  defineRequest(ParkedEventSkipRequested, {
    owner: 'the service that parked it',
    accepts: [ParkedEventSkipped],
    refuses: [ParkedEventActionRejected],
    ends: [ParkedEventSkipped],
    subject: ofStream,
  }),
  defineRequest(ParkedStreamReloadRequested, {
    owner: 'the service that parked it',
    accepts: [ParkedStreamReloaded],
    refuses: [ParkedEventActionRejected],
    ends: [ParkedStreamReloaded],
    subject: ofStream,
  }),
  defineRequest(ProjectionRebuildRequested, {
    owner: 'gateway',
    accepts: [ProjectionRebuilt],
    refuses: [ProjectionRebuildRejected],
    ends: [ProjectionRebuilt],
    subject: ({ name }) => `projection/${name}`,
  }),
];

export function requestContractOf(type: string): RequestContract | undefined {
  return requests.find((request) => request.event.type === type);
}
