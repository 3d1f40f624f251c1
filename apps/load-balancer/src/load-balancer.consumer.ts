import { topics } from '@holdfast/contracts';
import { Inbox, type RecordBatch, Samples } from '@holdfast/messaging';
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { CheckpointBatches } from './checkpoint-batches';
import { troubleOf } from './domain/impairment.policy';
import { Fleet } from './fleet';
import { Placements } from './placements';
import { Plans } from './plans';
import { ProgressWatch } from './progress';
import { Systems } from './systems';
import { Tasks } from './tasks';

@Controller()
export class LoadBalancerConsumer {
  constructor(
    private readonly inbox: Inbox,
    private readonly systems: Systems,
    private readonly fleet: Fleet,
    private readonly placements: Placements,
    private readonly tasks: Tasks,
    private readonly plans: Plans,
    private readonly checkpoints: CheckpointBatches,
    private readonly samples: Samples,
    private readonly progress: ProgressWatch,
  ) {}

  /** What people want, and which clusters and nodes there are. */
  @EventPattern(topics.requests.name)
  onRequest(@Ctx() batch: RecordBatch): Promise<void> {
    return this.inbox.receive(batch, {
      ClusterRegistered: ({ data }, tx) => this.fleet.clusterRegistered(tx, data),
      NodeJoined: ({ data }, tx) => this.fleet.nodeJoined(tx, data),
      NodeRetired: ({ data }, tx) => this.fleet.nodeRetired(tx, data),
      SystemRequested: ({ data }, tx) => this.systems.register(tx, data),
      SystemRetirementRequested: ({ data }, tx) => this.systems.retire(tx, data),
      SystemDeletionRequested: ({ data }, tx) => this.systems.delete(tx, data),
      TaskRequested: ({ data }, tx) => this.tasks.request(tx, data),
      TaskMoveRequested: ({ data }, tx) => this.tasks.move(tx, data),
      TaskCancelRequested: ({ data }, tx) => this.tasks.cancel(tx, data),
      TaskRetryRequested: ({ data }, tx) => this.tasks.retry(tx, data),
      BackupDeletionRequested: ({ data }, tx) => this.tasks.deleteBackup(tx, data),
      NodeDrainRequested: ({ data }, tx) => this.plans.drain(tx, data),
      RebalanceRequested: ({ data }, tx) => this.plans.rebalance(tx, data),
      PlacementPlanRequested: ({ data }, tx) => this.plans.change(tx, data),
      AutomationHalted: ({ data }, tx) => this.fleet.halted(tx, data),
      AutomationResumed: ({ data }, tx) => this.fleet.resumed(tx, data),
    });
  }

  /** Which nodes may carry something, and whether we can see at all. */
  @EventPattern(topics.health.name)
  onHealth(@Ctx() batch: RecordBatch): Promise<void> {
    return this.inbox.receive(batch, {
      NodeDeclaredDown: ({ data }, tx) => this.fleet.unhealthy(tx, data, { type: 'CloseNode', cause: 'down' }),
      NodeFoundImpaired: ({ data }, tx) => this.fleet.unhealthy(tx, data, troubleOf(data)),
      NodeFoundIsolated: ({ data }, tx) => this.fleet.unhealthy(tx, data, { type: 'CordonNode', cause: 'isolated' }),
      NodeFoundPartitioned: ({ data }, tx) =>
        this.fleet.unhealthy(tx, data, { type: 'CordonNode', cause: 'partitioned' }),
      NodeSuspected: ({ data }, tx) => this.fleet.unhealthy(tx, data, { type: 'CordonNode', cause: 'suspect' }),
      NodeMaintenanceStarted: ({ data }, tx) => this.plans.maintenanceStarted(tx, data),
      NodeMaintenanceEnded: ({ data }, tx) => this.plans.maintenanceEnded(tx, data),
      NodeSuspicionWithdrawn: ({ data }, tx) => this.fleet.suspicionWithdrawn(tx, data),
      NodeRecovered: ({ data }, tx) => this.fleet.nodeRecovered(tx, data),
      ClusterSightLost: ({ data }, tx) => this.fleet.sightLost(tx, data.clusterId),
      ClusterSightRegained: ({ data }, tx) => this.fleet.sightRegained(tx, data),
      ClusterFrozen: ({ data }, tx) =>
        this.placements.decide(tx, data.clusterId, { type: 'HoldPlacement', brake: 'frozen' }),
      ClusterThawed: ({ data }, tx) =>
        this.placements.decide(tx, data.clusterId, { type: 'ResumePlacement', brake: 'frozen' }),
    });
  }

  /** What agents did with their orders. */
  @EventPattern(topics.nodes.name)
  onNodeFact(@Ctx() batch: RecordBatch): Promise<void> {
    return this.inbox.receive(batch, {
      NodeStarted: ({ data }, tx) => this.fleet.agentStarted(tx, data),
      NodeInventoryReported: ({ data }, tx) => this.fleet.inventoryReported(tx, data),
      TaskTaken: ({ data }, tx) => this.placements.hear(tx, { type: 'NoteTaken', ...data }),
      TaskBlocked: ({ data }, tx) => this.placements.hear(tx, { type: 'NoteBlocked', ...data }),
      TaskDeclined: ({ data }, tx) => this.systems.declined(tx, data),
      TaskFaulted: ({ data }, tx) => this.placements.hear(tx, { type: 'NoteFaulted', ...data }),
      TaskStopped: ({ data }, tx) => this.placements.hear(tx, { type: 'NoteStopped', ...data }),
      TaskCheckpointReached: ({ data }, tx) => this.checkpoints.reached(tx, data),
      TaskFinished: ({ data }, tx) => this.placements.hear(tx, { type: 'NoteFinished', ...data }),
      PointFrozen: ({ data }, tx) => this.placements.hear(tx, { type: 'NotePointFrozen', ...data, frozenAt: data.at }),
      PointRefused: ({ data }, tx) => this.placements.hear(tx, { type: 'NotePointRefused', ...data }),
      BackupDeleted: ({ data }, tx) =>
        this.placements.decide(tx, data.clusterId, { type: 'NoteBackupDeleted', ...data }),
      SystemRemoved: ({ data }, tx) => this.systems.removed(tx, data),
      EpochAheadFound: ({ data }, tx) => this.systems.epochAhead(tx, data),
    });
  }

  /** How tasks come forward. A heartbeat moves the clock that says for how long one did not. */
  @EventPattern(topics.samples.name)
  onSample(@Ctx() batch: RecordBatch): Promise<void> {
    return this.samples.receive(batch, {
      HeartbeatObserved: ({ data, appendedAt }) => void this.progress.tick(data.clusterId, appendedAt),
      TaskProgressObserved: ({ data, appendedAt }) => this.progress.note(data, appendedAt),
    });
  }
}
