import { defineRequest, type RequestContract } from './define';
import { ClusterThawed, ClusterThawRejected, NodeDeclaredDown, NodeDownRejected } from './health.events';
import {
  ParkedEventActionRejected,
  ParkedEventSkipped,
  ParkedStreamReloaded,
  ParkedStreamResumed,
  ProjectionRebuilt,
  ProjectionRebuildRejected,
} from './log.events';
import {
  SystemDeleted,
  SystemDeletionRejected,
  SystemDeletionStarted,
  SystemRegistered,
  SystemRejected,
  SystemRetired,
  SystemRetirementRejected,
  SystemRetirementStarted,
  TaskStartConfirmed,
} from './placement.events';
import {
  ClusterThawRequested,
  NodeDownRequested,
  ParkedEventRetryRequested,
  ParkedEventSkipRequested,
  ParkedStreamReloadRequested,
  ProjectionRebuildRequested,
  SystemDeletionRequested,
  SystemRequested,
  SystemRetirementRequested,
} from './request.events';

const ofSystem = ({ systemId }: { systemId: string }) => `system/${systemId}`;
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
  defineRequest(NodeDownRequested, {
    owner: 'health-monitor',
    accepts: [NodeDeclaredDown],
    refuses: [NodeDownRejected],
    ends: [NodeDeclaredDown],
    subject: ({ nodeId }) => `node/${nodeId}`,
  }),
  defineRequest(ClusterThawRequested, {
    owner: 'health-monitor',
    accepts: [ClusterThawed],
    refuses: [ClusterThawRejected],
    ends: [ClusterThawed],
    subject: ({ clusterId }) => `cluster/${clusterId}`,
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
