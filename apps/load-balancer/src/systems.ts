import {
  type ClusterId,
  type EpochAheadFound,
  serveTaskOf,
  systemOfServeTask,
  type SystemDeletionRequested,
  type SystemId,
  type SystemRemoved,
  type SystemRequested,
  type SystemRetirementRequested,
  type TaskDeclined,
} from '@holdfast/contracts';
import type { Tx } from '@holdfast/event-store';
import { Injectable } from '@nestjs/common';
import { lowestFreeAddress } from './domain/address-allocation';
import { type BackupName, refOf } from './domain/backups';
import type { DataOf } from './domain/data-of';
import { RETRY_MS } from './domain/orders';
import { lookUp } from './domain/persistent-map';
import type { BackupSource, System, SystemRefusal } from './domain/system.decider';
import { isHopeless } from './domain/task-facts';
import { later } from './domain/time';
import { clusterOffer, freeAddress, takeAddress } from './fleet-rows';
import { Placements } from './placements';

/** A timer of the system's stream: its removal may be unanswered. */
export interface CheckRemovalTimer {
  readonly type: 'CheckRemoval';
  readonly systemId: SystemId;
}

const HELD_REMOVAL_MS = 1_000;

type Leaving = Extract<System, { phase: 'deleting' | 'discarding' }>;
const isLeaving = (system: System): system is Leaving => system.phase === 'deleting' || system.phase === 'discarding';
const now = () => new Date().toISOString();

/** What people ask of systems: each wish is answered on the system's stream, and its work is placed with the answer. */
@Injectable()
export class Systems {
  constructor(private readonly placements: Placements) {}

  async register(tx: Tx, data: DataOf<typeof SystemRequested>): Promise<void> {
    const { systemId, clusterId, volumes, fromBackup, requestId } = data;
    const cluster = await clusterOffer(tx, clusterId);
    const offer = cluster && { nodes: cluster.nodes, address: lowestFreeAddress(cluster.ranges, cluster.taken) };
    const source = fromBackup ? await this.sourceOf(tx, clusterId, fromBackup) : undefined;
    const asked = { systemId, clusterId, volumes, fromBackup, source, requestId, at: now() };
    const { events, state } = await this.placements.decideSystem(tx, { type: 'RegisterSystem', ...asked, offer });
    const [answer] = events;
    if (answer?.type !== 'SystemRegistered' || state.phase !== 'registered') return;

    if (state.requestIds.length > 1) {
      await this.placements.decide(tx, clusterId, { type: 'RepeatConfirmation', taskId: serveTaskOf(systemId) });
      return;
    }
    const { address } = answer.data;
    await takeAddress(tx, address, systemId);
    const from = answer.data.fromBackup ? { fromBackup: answer.data.fromBackup } : {};
    const spec = { systemId, address, volumes: answer.data.volumes, ...from };
    await this.placements.decide(tx, clusterId, { type: 'AdmitSystem', spec, lastEpoch: state.epoch });
  }

  /** The backup that a system is to be filled from, or why it cannot be. */
  private async sourceOf(tx: Tx, clusterId: ClusterId, name: BackupName): Promise<BackupSource> {
    const backup = await this.placements.backup(tx, clusterId, name);
    if (!backup)
      return (await this.placements.isBackupElsewhere(tx, clusterId, name)) ? 'BACKUP_ELSEWHERE' : 'UNKNOWN_BACKUP';
    if (backup.lastScrub && backup.lastScrub.damagedPieces > 0) return 'BACKUP_DAMAGED';
    return { ref: refOf(backup), volumes: [...backup.volumes] };
  }

  async retire(tx: Tx, { systemId, requestId }: DataOf<typeof SystemRetirementRequested>): Promise<void> {
    const command = { type: 'RetireSystem', systemId, requestId, at: now() } as const;
    const { state } = await this.placements.decideSystem(tx, command);
    if (state.phase !== 'retiring') return;
    await this.placements.decide(tx, state.clusterId, { type: 'RetireTask', taskId: serveTaskOf(systemId) });
  }

  async delete(tx: Tx, { systemId, requestId }: DataOf<typeof SystemDeletionRequested>): Promise<void> {
    const command = { type: 'DeleteSystem', systemId, requestId, at: now() } as const;
    const { state } = await this.placements.decideSystem(tx, command);
    // Asked again while a node is at it: the answer is enough.
    if (isLeaving(state) && state.removal === null) await this.orderRemoval(tx, systemId, state);
  }

  /** Tries the next node; when there is none for a new system, its creation has failed and its folder goes. */
  async declined(tx: Tx, data: DataOf<typeof TaskDeclined>): Promise<void> {
    const { clusterId, nodeId, taskId, epoch, code, claim } = data;
    const highestEpoch = Math.max(data.highestEpoch ?? 0, claim?.epoch ?? 0);
    const fact = { type: 'NoteDeclined', nodeId, taskId, epoch, code, highestEpoch } as const;
    const { events } = await this.placements.decide(tx, clusterId, fact);
    for (const event of events) {
      if (event.type !== 'TaskCancelled' || event.data.by !== 'creationFailed') continue;
      const systemId = systemOfServeTask(event.data.taskId);
      if (!systemId) continue;
      const reason: SystemRefusal = isHopeless(code) ? code : 'NO_NODE';
      const failed = { type: 'FailCreation', systemId, reason, at: now() } as const;
      const { state } = await this.placements.decideSystem(tx, failed);
      if (isLeaving(state)) await this.orderRemoval(tx, systemId, state);
    }
  }

  async removed(tx: Tx, { systemId, nodeId, epoch }: DataOf<typeof SystemRemoved>): Promise<void> {
    const command = { type: 'ConfirmRemoved', systemId, nodeId, epoch, at: now() } as const;
    const { events } = await this.placements.decideSystem(tx, command);
    if (events.length === 0) return;
    await freeAddress(tx, systemId);
    tx.setTimer(`system-${systemId}`, 'removal', null, {});
  }

  /** Nobody said that the files are gone: another node is asked, at the next epoch. */
  async checkRemoval(tx: Tx, systemId: SystemId): Promise<void> {
    const state = await this.placements.system(tx, systemId);
    if (isLeaving(state)) await this.orderRemoval(tx, systemId, state);
  }

  /** `route` is a task: the agent has seen a higher epoch of it than it was ordered. */
  async epochAhead(tx: Tx, { clusterId, route, highestEpoch }: DataOf<typeof EpochAheadFound>): Promise<void> {
    const background = lookUp((await this.placements.tableIn(tx, clusterId)).tasks, route);
    const systemId = background?.kind === 'serve' ? background.systemId : systemOfServeTask(route);
    const ordered = background && background.kind !== 'serve' ? background : null;
    if (!ordered && !systemId) return;
    const { epoch: grantedEpoch } = ordered ?? (await this.placements.system(tx, systemId as SystemId));
    await this.placements.decide(tx, clusterId, { type: 'NoteEpochAhead', highestEpoch, grantedEpoch });
  }

  private async orderRemoval(tx: Tx, systemId: SystemId, { clusterId, epoch, removal }: Leaving): Promise<void> {
    const unanswered = removal?.nodeId ?? null;
    const order = { type: 'OrderRemoval', systemId, lastEpoch: epoch, unanswered } as const;
    const { events } = await this.placements.decide(tx, clusterId, order);
    const command: CheckRemovalTimer = { type: 'CheckRemoval', systemId };
    // A brake forbade the order, or no node was there to take it: a person waits, so it follows their end closely.
    const patienceMs = events.length > 0 ? RETRY_MS : HELD_REMOVAL_MS;
    tx.setTimer(`system-${systemId}`, 'removal', later(now(), patienceMs), command);
  }
}
