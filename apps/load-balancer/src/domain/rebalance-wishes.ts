import type { PlacementPlan, RebalanceRejected, RequestId } from '@holdfast/contracts';
import type { DataOf } from './data-of';
import type { Decision } from './decision';
import { fullness, isCalm, maxOverFair, type Rebalance } from './rebalance';
import { nextStep, START_ABOVE } from './rebalance-steps';
import type { RoutingTable } from './routing-table';

interface Asked {
  readonly requestId: RequestId;
  /** The plan that was looked at, if there was one, and what it is now. */
  readonly planDigest: string | null;
  readonly plan: PlacementPlan;
}

export type RebalanceWish =
  /** `asked`: null in a rehearsal, which nobody answers. */
  | { readonly type: 'LevelOut'; readonly asked: Asked | null }
  /** It has been uneven for a while. */
  | { readonly type: 'LevelByItself' };

type Rejected = DataOf<typeof RebalanceRejected>;

export function carryOutRebalance(decision: Decision, wish: RebalanceWish): void {
  if (wish.type === 'LevelByItself') {
    if (isUneven(decision.table) && nextStep(decision)) start(decision, 'automatic');
    return;
  }
  const { asked } = wish;
  const refusal = refusalOf(decision, asked);
  if (!refusal) return start(decision, 'operator');
  if (!asked) return;
  const { clusterId, at } = decision.known;
  decision.add({ type: 'RebalanceRejected', data: { clusterId, requestId: asked.requestId, ...refusal, at } });
}

/** So much that it is levelled without being asked, if it stays so. */
export function isUneven(table: RoutingTable): boolean {
  return table.brakes.length === 0 && !table.rebalance && isCalm(table) && maxOverFair(fullness(table)) > START_ABOVE;
}

function refusalOf(decision: Decision, asked: Asked | null): Pick<Rejected, 'reason' | 'planDigest' | 'plan'> | null {
  if (decision.table.rebalance) return { reason: 'RUNNING' };
  if (!isCalm(decision.table)) return { reason: 'NODE_NOT_OPEN' };
  if (asked?.planDigest && asked.planDigest !== asked.plan.planDigest) {
    return { reason: 'PLAN_CHANGED', planDigest: asked.planDigest, plan: asked.plan };
  }
  return nextStep(decision) ? null : { reason: 'LEVEL_ALREADY' };
}

function start(decision: Decision, by: Rebalance['by']): void {
  const { clusterId, at } = decision.known;
  const data = { clusterId, by, maxOverFair: maxOverFair(fullness(decision.table)), at };
  decision.add({ type: 'RebalanceStarted', data });
}
