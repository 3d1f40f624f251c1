import { systemOfServeTask } from '@holdfast/contracts';
import type { Told } from './event';

/** Who was granted a system at an epoch. */
export interface Grant {
  readonly epoch: number;
  readonly nodeId: string;
}

export interface SystemState {
  readonly clusterId: string;
  /** discarding: its creation failed, and its files are going. */
  phase: 'registered' | 'retiring' | 'retired' | 'deleting' | 'discarding';
  since: string;
  grant: Grant | null;
  /** All that asked for it, and were told that it is there. */
  readonly requestIds: Set<string>;
}

/** A node took a system, and no grant says that it might: it may still be on its way, on another stream. */
export interface UngrantedTake {
  readonly subject: string;
  readonly position: number;
  readonly at: string;
}

/** Why a system could not be made: told here again, for who judges the deciders borrows no list of theirs. */
const unmakeable: ReadonlySet<string> = new Set(['NO_NODE', 'NO_SPACE', 'MEDIUM_INVALID', 'BACKUP_DAMAGED']);

/** Every system, by its own stream. */
export class SystemsState {
  readonly byId = new Map<string, SystemState>();
  /** The highest epoch of each name, and whose it is: the name may be used again, its epochs go on. */
  readonly highest = new Map<string, Grant>();
  private readonly granted = new Set<string>();
  readonly ungranted = new Map<string, UngrantedTake>();

  advance(event: Told): void {
    switch (event.type) {
      case 'SystemRegistered': {
        const { systemId, clusterId, requestId, at } = event.data;
        const known = this.byId.get(systemId);
        if (known) known.requestIds.add(requestId);
        else
          this.byId.set(systemId, {
            clusterId,
            phase: 'registered',
            since: at,
            grant: null,
            requestIds: new Set([requestId]),
          });
        break;
      }
      case 'SystemServeGranted':
      case 'SystemRemovalGranted':
        this.grant(event);
        break;
      case 'TaskTaken':
        this.take(event);
        break;
      case 'SystemRetirementStarted':
        this.becomes(event.data.systemId, 'retiring');
        break;
      case 'SystemRetired':
        this.becomes(event.data.systemId, 'retired');
        break;
      case 'SystemDeletionStarted':
        this.becomes(event.data.systemId, 'deleting');
        break;
      case 'SystemRejected':
        if (this.isFailedCreation(event)) this.becomes(event.data.systemId, 'discarding');
        break;
      case 'SystemDeleted':
        this.byId.delete(event.data.systemId);
        break;
      default:
    }
  }

  /** A system that was there, and could not be made: its requests were accepted, and so they end. */
  isFailedCreation({ type, data }: Told): boolean {
    if (type !== 'SystemRejected' || !unmakeable.has(data.reason)) return false;
    return this.byId.get(data.systemId)?.requestIds.has(data.requestId) ?? false;
  }

  private grant({ data }: Told & { type: 'SystemServeGranted' | 'SystemRemovalGranted' }): void {
    const { systemId, epoch, nodeId } = data;
    const system = this.byId.get(systemId);
    if (system) {
      system.grant = { epoch, nodeId };
      system.since = data.at;
    }
    if (epoch >= (this.highest.get(systemId)?.epoch ?? 0)) this.highest.set(systemId, { epoch, nodeId });
    this.granted.add(takeOf(systemId, { epoch, nodeId }));
    this.ungranted.delete(takeOf(systemId, { epoch, nodeId }));
  }

  private take({ data, position, at }: Told & { type: 'TaskTaken' }): void {
    const systemId = systemOfServeTask(data.taskId);
    if (systemId === undefined) return;
    const take = takeOf(systemId, data);
    if (!this.granted.has(take)) this.ungranted.set(take, { subject: `system/${systemId}`, position, at });
  }

  private becomes(systemId: string, phase: SystemState['phase']): void {
    const system = this.byId.get(systemId);
    if (system) system.phase = phase;
  }
}

const takeOf = (systemId: string, { epoch, nodeId }: Grant): string => `${systemId}@${epoch}:${nodeId}`;
