import {
  NodeDrainOverdue,
  NodeDrainStopped,
  RebalanceEnded,
  TaskCancelled,
  TaskCompleted,
  TaskParked,
  TaskStartConfirmed,
  type Instant,
  type PlacementPlan,
} from '@holdfast/contracts';
import type { Heard } from './operation';
import { is, type FeedEvent } from './projection';
import { callingOffs, codeOf, refusalOf, type Reason } from './refusals';

/** What an event tells the operation that it concerns, whatever its kind. */
export function heardOf(event: FeedEvent, isOwn: boolean): Heard {
  const reason = reasonOf(event);
  const result = resultOf(event);
  return {
    type: event.type,
    at: event.at,
    isOwn,
    ...(reason && { reason }),
    ...(result && { result }),
    ...planOf(event),
  };
}

function reasonOf(event: FeedEvent): Reason | undefined {
  if (is(event, TaskCancelled) || is(event, NodeDrainStopped)) return calledOff(event.data.by);
  if (is(event, TaskParked)) {
    const { reason, attempts, taskId } = event.data;
    const remedy = `see \`holdfast why task/${taskId}\`, then \`holdfast task retry ${taskId}\`, or cancel it`;
    return { code: 'PARKED', text: `${reason} after ${attempts} attempts`, remedy };
  }
  if (is(event, NodeDrainOverdue)) {
    const { nodeId, left } = event.data;
    const text = `its deadline is past and ${left.length} left: ${left.slice(0, 5).join(', ')}`;
    const remedy = `drain it anew with a later deadline or with force, or stop: \`holdfast drain ${nodeId} --stop\``;
    return { code: 'DRAIN_OVERDUE', text, remedy };
  }
  const { reason } = event.data as { reason?: unknown };
  return event.type.endsWith('Rejected') && typeof reason === 'string' ? refusalOf(event.type, reason) : undefined;
}

function calledOff(by: keyof typeof callingOffs): Reason {
  const code = codeOf(by);
  // A history may tell of what this build has no words for: the operation is cancelled all the same.
  const known: Readonly<Record<string, readonly [text: string, remedy: string]>> = callingOffs;
  const [text, remedy] = known[by] ?? [code, 'see `holdfast why` of its subject'];
  return { code, text, remedy };
}

function resultOf(event: FeedEvent): object | undefined {
  if (is(event, TaskCompleted)) return event.data.result;
  if (is(event, TaskStartConfirmed) && event.data.manifest !== undefined) return { manifest: event.data.manifest };
  if (is(event, RebalanceEnded)) return { maxOverFair: event.data.maxOverFair, moves: event.data.moves };
  return undefined;
}

/** The plan itself stays in its event: it may be long. */
function planOf({ id, type, data }: FeedEvent): Pick<Heard, 'plan' | 'changed'> {
  const { plan, expiresAt, reason, planDigest } = data as {
    plan?: PlacementPlan;
    expiresAt?: Instant;
    reason?: string;
    planDigest?: string;
  };
  if (type.endsWith('Planned') && plan && expiresAt !== undefined)
    return { plan: { planDigest: plan.planDigest, expiresAt, eventId: id } };
  return reason === 'PLAN_CHANGED' ? { changed: { asked: planDigest ?? null, eventId: id } } : {};
}
