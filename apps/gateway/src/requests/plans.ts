import { requestContractOf, requests } from '@holdfast/contracts';
import { Problem } from '../http/problem';
import type { ActRoute } from '../routes/route';
import type { Known } from './known';

/** A dry run is answered by the owner's plan; a request without one is not sent to find that out. */
export function refuseUnplanned({ event, path }: Pick<ActRoute, 'event' | 'path'>): void {
  if (requestContractOf(event.type)?.plans) return;
  const plannable = requests.flatMap((request) => (request.plans ? [request.event.type] : []));
  throw hasNoPlan(`POST ${path}`, `only ${plannable.join(', ')} can be planned`);
}

/** For what is asked to be tried and has nothing to tell before it is done. */
export function hasNoPlan(what: string, why: string): Problem {
  return new Problem('INVALID_REQUEST', `${what} has no dry run`, {
    remedy: `send it without dryRun: ${why}`,
    more: { errors: [{ pointer: '/dryRun', message: 'this request has no plan' }] },
  });
}

/** A digest may stand for several plans, since equal pictures have equal digests: the newest counts. */
export async function refuseExpired(digest: string | undefined, subject: string, known: Known): Promise<void> {
  if (digest === undefined) return;
  const plan = await known.plan(subject, digest);
  // One that was never heard of is the owner's to judge: it plans again and compares.
  if (!plan || Date.parse(plan.expiresAt) > Date.now()) return;
  throw new Problem('PLAN_EXPIRED', `the plan ${digest} of ${subject} was good until ${plan.expiresAt}`, { subject });
}
