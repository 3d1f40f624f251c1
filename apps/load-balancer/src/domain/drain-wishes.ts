import type { NodeDrainRejected, NodeDrainStopped, NodeId, PlacementPlan, RequestId } from '@holdfast/contracts';
import { assertNever } from '@holdfast/kernel';
import type { DataOf } from './data-of';
import type { Decision } from './decision';
import type { Drain } from './drain';
import { settle } from './owed';
import { later } from './time';

/** A person's wish is answered, and checked against the plan that would be carried out; maintenance just begins. */
export type DrainWish =
  | {
      readonly type: 'DrainNode';
      readonly nodeId: NodeId;
      readonly requestId: RequestId;
      readonly deadlineMs: number;
      readonly force: boolean;
      /** The plan that was looked at, if there was one, and what it is now. */
      readonly planDigest: string | null;
      readonly plan: PlacementPlan;
    }
  | { readonly type: 'StopDrain'; readonly nodeId: NodeId; readonly requestId: RequestId }
  | { readonly type: 'DrainForMaintenance'; readonly nodeId: NodeId; readonly deadlineMs: number }
  | { readonly type: 'EndMaintenance'; readonly nodeId: NodeId };

type Of<Type extends DrainWish['type']> = Extract<DrainWish, { type: Type }>;
type Rejected = DataOf<typeof NodeDrainRejected>;
type StopCause = DataOf<typeof NodeDrainStopped>['by'];

export function carryOutDrain(decision: Decision, wish: DrainWish): void {
  switch (wish.type) {
    case 'DrainNode':
      return drainNode(decision, wish);
    case 'StopDrain':
      if (drainOf(decision, wish.nodeId)) return openAgain(decision, wish.nodeId, 'operator');
      return reject(decision, wish, { reason: decision.table.nodes[wish.nodeId] ? 'NOT_DRAINING' : 'UNKNOWN_NODE' });
    case 'DrainForMaintenance':
      return drainForMaintenance(decision, wish);
    case 'EndMaintenance':
      if (drainOf(decision, wish.nodeId)?.by === 'maintenance') openAgain(decision, wish.nodeId, 'maintenanceEnded');
      return;
    default:
      return assertNever(wish);
  }
}

function drainNode(decision: Decision, wish: Of<'DrainNode'>): void {
  const node = decision.table.nodes[wish.nodeId];
  if (!node) return reject(decision, wish, { reason: 'UNKNOWN_NODE' });
  if (node.state === 'closed') return reject(decision, wish, { reason: 'NODE_NOT_OPEN' });
  const { planDigest, plan } = wish;
  if (planDigest !== null && planDigest !== plan.planDigest) {
    return reject(decision, wish, { reason: 'PLAN_CHANGED', planDigest, plan });
  }
  if (isShort(wish)) return reject(decision, wish, { reason: 'CAPACITY_SHORT', plan });
  start(decision, { ...wish, by: 'operator', planDigest: planDigest ?? undefined });
}

/** Tasks may wait for room if a person forces it; a system may not be left without a node, whoever wants it. */
function isShort({ plan, force }: Of<'DrainNode'>): boolean {
  const codes = plan.findings.map(({ code }) => code);
  return codes.includes('ONLY_NODE_WITH_MEDIUM') || (!force && codes.includes('CAPACITY_SHORT'));
}

/** What a person began is not maintenance's to change. */
function drainForMaintenance(decision: Decision, { nodeId, deadlineMs }: Of<'DrainForMaintenance'>): void {
  const node = decision.table.nodes[nodeId];
  if (!node || node.state === 'closed' || node.drain?.by === 'operator') return;
  start(decision, { nodeId, deadlineMs, force: false, by: 'maintenance' });
}

interface Start {
  readonly nodeId: NodeId;
  readonly deadlineMs: number;
  readonly force: boolean;
  readonly by: Drain['by'];
  readonly planDigest?: string | undefined;
}

function start(decision: Decision, { nodeId, deadlineMs, force, by, planDigest }: Start): void {
  const { clusterId, at } = decision.known;
  const data = { clusterId, nodeId, deadlineAt: later(at, deadlineMs), force, by, at };
  decision.add({ type: 'NodeDrainStarted', data: { ...data, ...(planDigest ? { planDigest } : {}) } });
}

/** There is room again: what nobody else could take need not wait until it is tried anew. */
function openAgain(decision: Decision, nodeId: NodeId, by: StopCause): void {
  stopDrain(decision, nodeId, by);
  settle(decision);
}

export function stopDrain(decision: Decision, nodeId: NodeId, by: StopCause): void {
  if (!drainOf(decision, nodeId)) return;
  const { clusterId, at } = decision.known;
  decision.add({ type: 'NodeDrainStopped', data: { clusterId, nodeId, by, at } });
}

function drainOf({ table }: Decision, nodeId: NodeId): Drain | null {
  return table.nodes[nodeId]?.drain ?? null;
}

function reject(
  decision: Decision,
  { nodeId, requestId }: Of<'DrainNode' | 'StopDrain'>,
  answer: Pick<Rejected, 'reason' | 'planDigest' | 'plan'>,
): void {
  const { clusterId, at } = decision.known;
  decision.add({ type: 'NodeDrainRejected', data: { clusterId, nodeId, requestId, ...answer, at } });
}
