import type { EventType } from './event';

/**
 * What an event means to the predicates. `neutral`: none of them speaks of it, and somebody has thought about it.
 *
 * granted   this owner, at this epoch, from now on             acted      an owner did something at its epoch
 * declared  a verdict that moves systems                        status     any other published change of a status
 * ordered   a node is told to carry, move, freeze or delete     held, resumed   nobody is, in this cluster
 * blind, sighted, frozen, thawed                                the brakes of a cluster's health
 * requested, accepted, refused                                  a wish from outside and its one outcome
 */
export type Role =
  | 'granted'
  | 'acted'
  | 'declared'
  | 'status'
  | 'ordered'
  | 'held'
  | 'resumed'
  | 'blind'
  | 'sighted'
  | 'frozen'
  | 'thawed'
  | 'requested'
  | 'accepted'
  | 'refused'
  | 'neutral';

/** Every event type of every context. One that is left out does not compile. */
export const vocabulary: Record<EventType, readonly Role[]> = {
  // requests
  SystemRequested: ['requested'],
  SystemRetirementRequested: ['requested'],
  SystemDeletionRequested: ['requested'],
  TaskRequested: ['requested'],
  TaskMoveRequested: ['requested'],
  TaskCancelRequested: ['requested'],
  TaskRetryRequested: ['requested'],
  BackupDeletionRequested: ['requested'],
  NodeDrainRequested: ['requested'],
  RebalanceRequested: ['requested'],
  PlacementPlanRequested: ['requested'],
  NodeMaintenanceRequested: ['requested'],
  NodeDownRequested: ['requested'],
  ClusterThawRequested: ['requested'],
  ParkedEventRetryRequested: ['requested'],
  ParkedEventSkipRequested: ['requested'],
  ParkedStreamReloadRequested: ['requested'],
  ProjectionRebuildRequested: ['requested'],
  RequestLeftUnanswered: ['neutral'],
  ClusterRegistered: ['neutral'],
  NodeJoined: ['neutral'],
  NodeRetired: ['neutral'],
  AccessTokenIssued: ['neutral'],
  AccessTokenRevoked: ['neutral'],
  AccessDenied: ['neutral'],
  AutomationHalted: ['neutral'],
  AutomationResumed: ['neutral'],

  // health
  NodeWatched: ['neutral'],
  NodeUnwatched: ['neutral'],
  ProbePlanIssued: ['neutral'],
  NodeSuspected: ['status'],
  NodeSuspicionWithdrawn: ['neutral'],
  VerdictWithheld: ['neutral'],
  NodeDeclaredDown: ['declared', 'accepted'],
  NodeFoundIsolated: ['status'],
  NodeFoundImpaired: ['status'],
  NodeFoundPartitioned: ['status'],
  NodeMaintenanceStarted: ['accepted'],
  NodeMaintenanceEnded: ['accepted'],
  NodeMaintenanceRejected: ['refused'],
  NodeRestarted: ['neutral'],
  NodeRecovered: ['status'],
  ClusterSightLost: ['blind'],
  ClusterSightRegained: ['sighted'],
  ClusterFrozen: ['frozen'],
  ClusterThawed: ['thawed', 'accepted'],
  NodeDownRejected: ['refused'],
  ClusterThawRejected: ['refused'],

  // placement
  SystemRegistered: ['accepted'],
  SystemRejected: ['refused'],
  SystemRetirementRejected: ['refused'],
  SystemDeletionRejected: ['refused'],
  SystemRetirementStarted: ['accepted'],
  SystemRetired: ['neutral'],
  SystemDeletionStarted: ['accepted'],
  SystemDeleted: ['neutral'],
  SystemServeGranted: ['granted'],
  SystemRemovalGranted: ['granted'],
  TaskAdmitted: ['accepted'],
  TaskRejected: ['refused'],
  TaskActionRejected: ['refused'],
  PointOrdered: ['ordered'],
  PointConfirmed: ['neutral'],
  TasksCheckpointed: ['neutral'],
  TaskStalled: ['neutral'],
  TaskCompleted: ['neutral'],
  TaskParked: ['neutral'],
  TaskReopened: ['accepted'],
  BackupDeletionOrdered: ['ordered'],
  BackupDeletionConfirmed: ['neutral'],
  BackupDeletionRejected: ['refused'],
  NodeDrainPlanned: ['neutral'],
  RebalancePlanned: ['neutral'],
  PlacementPlanned: ['neutral'],
  PlacementPlanRejected: ['refused'],
  NodeDrainStarted: ['accepted'],
  NodeDrainRejected: ['refused'],
  NodeDrained: ['neutral'],
  NodeDrainOverdue: ['neutral'],
  NodeDrainStopped: ['accepted'],
  RebalanceStarted: ['accepted'],
  RebalanceEnded: ['neutral'],
  RebalanceRejected: ['refused'],
  TaskAssigned: ['ordered'],
  TaskMoved: ['ordered'],
  TaskRecalled: ['ordered'],
  TaskHeld: ['neutral'],
  TaskStartConfirmed: ['neutral'],
  TaskDeferred: ['neutral'],
  TaskRetryScheduled: ['neutral'],
  TaskCancelled: ['neutral'],
  SystemRemovalOrdered: ['ordered'],
  NodeOpened: ['neutral'],
  NodeCordoned: ['neutral'],
  NodeClosed: ['neutral'],
  PlacementHeld: ['held'],
  PlacementResumed: ['resumed'],

  // what nodes tell
  NodeStarted: ['neutral'],
  NodeInventoryReported: ['neutral'],
  TaskTaken: ['acted'],
  TaskDeclined: ['neutral'],
  TaskBlocked: ['neutral'],
  TaskStopped: ['acted'],
  TaskFaulted: ['acted'],
  TaskCheckpointReached: ['acted'],
  TaskFinished: ['acted'],
  PointFrozen: ['acted'],
  PointRefused: ['neutral'],
  BackupDeleted: ['neutral'],
  SystemRemoved: ['acted'],
  EpochAheadFound: ['neutral'],
  AgentStreamBlocked: ['neutral'],

  // the log's own
  EventParked: ['neutral'],
  ParkedStreamResumed: ['accepted'],
  ParkedEventSkipped: ['accepted'],
  ParkedStreamReloaded: ['accepted'],
  ParkedEventActionRejected: ['refused'],
  ProjectionRebuilt: ['accepted'],
  ProjectionRebuildRejected: ['refused'],
};

export function plays(type: string, role: Role): boolean {
  return (vocabulary as Record<string, readonly Role[]>)[type]?.includes(role) ?? false;
}
