import type {
  AutomationHalted,
  AutomationResumed,
  ClusterId,
  ClusterRegistered,
  ClusterSightRegained,
  NodeId,
  NodeInventoryReported,
  NodeJoined,
  NodeRetired,
  NodeStarted,
} from '@holdfast/contracts';
import { haltedScopes, isHalted, noteHalted, noteResumed, type Tx } from '@holdfast/event-store';
import { Injectable } from '@nestjs/common';
import type { DataOf } from './domain/data-of';
import type { NodeTrouble } from './domain/impairment.policy';
import { later } from './domain/time';
import {
  clusterIds,
  forgetNode,
  noteCluster,
  noteHealth,
  noteIncarnation,
  noteInventory,
  noteJoined,
  type Openable,
} from './fleet-rows';
import { Placements } from './placements';

interface OfNode {
  readonly clusterId: ClusterId;
  readonly nodeId: NodeId;
}

/** Of a node's bandwidth, what placement may hand out: clients come first. */
const BUDGET_SHARE = 0.3;

/** A timer of the routing table's stream: the moves held back while we were blind may go on. */
export interface SightTimer {
  readonly type: 'SightHeld';
  readonly clusterId: ClusterId;
}

/** What is told of clusters and nodes, and what it means for their tables. */
@Injectable()
export class Fleet {
  constructor(private readonly placements: Placements) {}

  async clusterRegistered(tx: Tx, { clusterId, addressRanges }: DataOf<typeof ClusterRegistered>): Promise<void> {
    await noteCluster(tx, clusterId, addressRanges);
    if (isHalted(await haltedScopes(tx), clusterId))
      await this.placements.decide(tx, clusterId, { type: 'HoldPlacement', brake: 'halted' });
  }

  async nodeJoined(tx: Tx, { clusterId, nodeId, zone, capacity }: DataOf<typeof NodeJoined>): Promise<void> {
    const budget = capacity.bytesPerSec * BUDGET_SHARE;
    await this.open(tx, clusterId, await noteJoined(tx, clusterId, { nodeId, zone, budget }));
  }

  async nodeRetired(tx: Tx, { clusterId, nodeId }: DataOf<typeof NodeRetired>): Promise<void> {
    await forgetNode(tx, clusterId, nodeId);
    await this.placements.decide(tx, clusterId, { type: 'CloseNode', nodeId, cause: 'retired' });
  }

  async nodeRecovered(tx: Tx, { clusterId, nodeId, holdMs }: OfNode & { readonly holdMs: number }): Promise<void> {
    const node = await noteHealth(tx, { clusterId, nodeId }, true);
    const holdUntil = holdMs > 0 ? later(new Date().toISOString(), holdMs) : undefined;
    await this.open(tx, clusterId, node && { ...node, holdUntil });
  }

  async suspicionWithdrawn(tx: Tx, node: OfNode): Promise<void> {
    await noteHealth(tx, node, true);
    await this.placements.decide(tx, node.clusterId, { type: 'WithdrawSuspicion', nodeId: node.nodeId });
  }

  /** Kept for when it joins or is opened, and told to its table. */
  async unhealthy(tx: Tx, node: OfNode, trouble: NodeTrouble): Promise<void> {
    await noteHealth(tx, node, false);
    await this.placements.decide(tx, node.clusterId, { ...trouble, nodeId: node.nodeId });
  }

  async agentStarted(tx: Tx, { clusterId, nodeId, incarnation }: DataOf<typeof NodeStarted>): Promise<void> {
    await noteIncarnation(tx, { clusterId, nodeId, incarnation });
    await this.placements.decide(tx, clusterId, { type: 'ReofferTasks', nodeId });
  }

  async inventoryReported(tx: Tx, data: DataOf<typeof NodeInventoryReported>): Promise<void> {
    const { kinds, media } = data;
    await noteInventory(tx, data, { kinds, mediumOk: media.some(({ state }) => state === 'ok') });
  }

  async sightLost(tx: Tx, clusterId: ClusterId): Promise<void> {
    this.setSightTimer(tx, clusterId, null);
    await this.placements.decide(tx, clusterId, { type: 'HoldPlacement', brake: 'blind' });
  }

  /** What is seen first after a blindness may be old: moves wait until every deadline has run anew. */
  sightRegained(tx: Tx, { clusterId, sightHoldMs }: DataOf<typeof ClusterSightRegained>): void {
    this.setSightTimer(tx, clusterId, later(new Date().toISOString(), sightHoldMs));
  }

  async halted(tx: Tx, { scope }: DataOf<typeof AutomationHalted>): Promise<void> {
    await noteHalted(tx, scope);
    for (const clusterId of await inScope(tx, scope))
      await this.placements.decide(tx, clusterId, { type: 'HoldPlacement', brake: 'halted' });
  }

  /** The fleet and each cluster are halted apart: both must have been resumed. */
  async resumed(tx: Tx, { scope }: DataOf<typeof AutomationResumed>): Promise<void> {
    await noteResumed(tx, scope);
    const stillHalted = await haltedScopes(tx);
    for (const clusterId of await inScope(tx, scope)) {
      if (!isHalted(stillHalted, clusterId))
        await this.placements.decide(tx, clusterId, { type: 'ResumePlacement', brake: 'halted' });
    }
  }

  private async open(
    tx: Tx,
    clusterId: ClusterId,
    node: (Openable & { holdUntil?: string | undefined }) | null,
  ): Promise<void> {
    if (node) await this.placements.decide(tx, clusterId, { type: 'OpenNode', ...node });
  }

  private setSightTimer(tx: Tx, clusterId: ClusterId, dueAt: string | null): void {
    const command: SightTimer = { type: 'SightHeld', clusterId };
    tx.setTimer(`routing-table-${clusterId}`, 'sight', dueAt, command);
  }
}

async function inScope(tx: Tx, scope: ClusterId | 'fleet'): Promise<ClusterId[]> {
  return scope === 'fleet' ? clusterIds(tx) : [scope];
}
