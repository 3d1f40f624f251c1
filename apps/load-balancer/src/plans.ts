import type {
  NodeDrainRequested,
  NodeMaintenanceEnded,
  NodeMaintenanceStarted,
  PlacementPlan,
  PlacementPlanRequested,
  RebalanceRequested,
  RequestId,
} from '@holdfast/contracts';
import type { Tx } from '@holdfast/event-store';
import { Injectable } from '@nestjs/common';
import type { DataOf } from './domain/data-of';
import { planChange, planDrain, planRebalance } from './domain/plan';
import { later, msBetween } from './domain/time';
import { isCluster, noteMaintenance } from './fleet-rows';
import { Placements } from './placements';

/** Reading time: after that, the picture may be another, and whoever wants to act plans anew. */
const PLAN_TTL_MS = 10 * 60_000;

/** Drains, rebalances, and what they would do. A plan is only told; what is applied is planned again first. */
@Injectable()
export class Plans {
  constructor(private readonly placements: Placements) {}

  async drain(tx: Tx, data: DataOf<typeof NodeDrainRequested>): Promise<void> {
    const { clusterId, nodeId, requestId, action, deadlineMs, force } = data;
    if (action === 'stop' && !data.dryRun) {
      await this.placements.decide(tx, clusterId, { type: 'StopDrain', nodeId, requestId });
      return;
    }
    const { table, version, known } = await this.placements.situation(tx, clusterId);
    const plan = planDrain(table, known, { nodeId, deadlineMs });
    if (!data.dryRun) {
      const wish = { nodeId, requestId, deadlineMs, force, planDigest: data.planDigest ?? null, plan };
      await this.placements.decideAsPlanned(tx, clusterId, { version, action: { type: 'DrainNode', ...wish } });
      return;
    }
    const about = { clusterId, nodeId, requestId };
    if (!table.nodes[nodeId]) {
      answer(tx, requestId, { type: 'NodeDrainRejected', data: { ...about, reason: 'UNKNOWN_NODE', at: known.at } });
      return;
    }
    answer(tx, requestId, { type: 'NodeDrainPlanned', data: { ...about, ...planned(plan, version, known.at) } });
  }

  async rebalance(tx: Tx, data: DataOf<typeof RebalanceRequested>): Promise<void> {
    const { clusterId, requestId } = data;
    const { table, version, known } = await this.placements.situation(tx, clusterId);
    const plan = planRebalance(table, known);
    if (data.dryRun) {
      const told = { clusterId, requestId, ...planned(plan, version, known.at) };
      answer(tx, requestId, { type: 'RebalancePlanned', data: told });
      return;
    }
    const asked = { requestId, planDigest: data.planDigest ?? null, plan };
    await this.placements.decideAsPlanned(tx, clusterId, { version, action: { type: 'LevelOut', asked } });
  }

  /** What if: it is a plan in any case. */
  async change(tx: Tx, { clusterId, requestId, change }: DataOf<typeof PlacementPlanRequested>): Promise<void> {
    const { table, version, known } = await this.placements.situation(tx, clusterId);
    const about = { clusterId, requestId };
    if (!table.nodes[change.type === 'loss' ? change.nodeId : change.likeNodeId]) {
      const reason = (await isCluster(tx, clusterId)) ? 'UNKNOWN_NODE' : 'UNKNOWN_CLUSTER';
      answer(tx, requestId, { type: 'PlacementPlanRejected', data: { ...about, reason, at: known.at } });
      return;
    }
    const plan = planChange(table, known, change);
    const told = { ...about, change, ...planned(plan, version, known.at) };
    answer(tx, requestId, { type: 'PlacementPlanned', data: told });
  }

  async maintenanceStarted(tx: Tx, data: DataOf<typeof NodeMaintenanceStarted>): Promise<void> {
    const { clusterId, nodeId, drain, until, at } = data;
    await noteMaintenance(tx, data, true);
    const deadlineMs = Math.max(0, msBetween(at, until));
    if (drain) await this.placements.decide(tx, clusterId, { type: 'DrainForMaintenance', nodeId, deadlineMs });
  }

  async maintenanceEnded(tx: Tx, { clusterId, nodeId }: DataOf<typeof NodeMaintenanceEnded>): Promise<void> {
    await noteMaintenance(tx, { clusterId, nodeId }, false);
    await this.placements.decide(tx, clusterId, { type: 'EndMaintenance', nodeId });
  }
}

function planned(plan: PlacementPlan, basedOnVersion: number, at: string) {
  return { plan, basedOnVersion, expiresAt: later(at, PLAN_TTL_MS), at };
}

/** Each has a stream of its own: nothing of it touches the table. */
function answer(tx: Tx, requestId: RequestId, event: { type: string; data: object }): void {
  tx.append({ stream: `placement-plan-${requestId}`, partitionKey: requestId, expected: 0, events: [event] });
}
