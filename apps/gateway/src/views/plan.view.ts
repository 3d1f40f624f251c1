import { requestContractOf, type Instant, type PlacementPlan } from '@holdfast/contracts';
import type { Feed } from '../feed/feed';
import type { OperationRow } from '../projections/operation';

/** How many plans of one subject are looked through for the one that was applied. */
const PLANS = 50;

type Plan = PlacementPlan & { expiresAt: Instant };

/** A plan is as long as the fleet is large: it stays in its event, and is read for who asks for its operation. */
export async function planResultOf(row: OperationRow, feed: Feed): Promise<object | null> {
  if (row.plan) return planIn(await feed.byId(row.plan.eventId));
  if (!row.changed) return null;
  const { asked, eventId } = row.changed;
  const now = planIn(await feed.byId(eventId));
  return { asked: asked === null ? null : await planAsked(row, asked, feed), now };
}

async function planAsked({ kind, subject }: OperationRow, digest: string, feed: Feed): Promise<Plan | null> {
  const type = requestContractOf(kind)?.plans?.type;
  const plans = await feed.find({ subject, type, limit: PLANS, newest: true });
  return plans.map(planIn).findLast((plan) => plan?.planDigest === digest) ?? null;
}

function planIn(event: { data: unknown } | undefined): Plan | null {
  const { plan, expiresAt } = (event?.data ?? {}) as { plan?: PlacementPlan; expiresAt?: Instant };
  return plan ? ({ ...plan, ...(expiresAt !== undefined && { expiresAt }) } as Plan) : null;
}
