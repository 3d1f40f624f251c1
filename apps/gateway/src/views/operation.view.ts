import { requestContractOf } from '@holdfast/contracts';
import type { OperationRow } from '../projections/operation';
import type { Reason } from '../projections/refusals';
import { actionsOf } from './actions';
import { operationStanding, type Around } from './progress';

/** An operation as the API shows it. What no kind of this step has is null, never 0. */
export function operationView(row: OperationRow, now: number, around: Around = {}) {
  const { id, kind, subject, state, result, startedAt, endedAt } = row;
  const isOpen = endedAt === null;
  const { phase, progress, movedAt } = operationStanding(row, around, now);
  return {
    id,
    kind,
    subject,
    state,
    phase: isOpen ? phase : null,
    progress,
    verdict: null,
    pointOfNoReturn: null,
    actions: actionsOf(row, around, now),
    reason: row.reason ?? (isOpen ? stalled(row, { now, movedAt }) : null),
    result,
    startedAt,
    endedAt,
    links: {
      self: `/v1/operations/${id}`,
      subject: linkOf(subject),
      plan: null,
      events: `/v1/events?correlation=${id}`,
      trace: null,
    },
  };
}
export type OperationView = ReturnType<typeof operationView>;

function stalled(row: OperationRow, { now, movedAt }: { now: number; movedAt: string | null }): Reason | null {
  const request = requestContractOf(row.kind);
  if (row.state !== 'running' || !request) return null;
  const lastAt = Math.max(Date.parse(row.movedAt), movedAt === null ? 0 : Date.parse(movedAt));
  const stillSec = Math.floor((now - lastAt) / 1000);
  if (stillSec < request.stallSec) return null;
  const text = `nothing was told about it for ${stillSec} s`;
  return { code: 'STALLED', text, remedy: `\`holdfast why ${row.subject}\` says what it waits for` };
}

const LINKED = ['system', 'node', 'cluster', 'task', 'backup', 'access-token'];

/** `backup/s1/p-1` has its page at backups/s1/p-1. */
function linkOf(subject: string): string | null {
  const [kind = '', ...id] = subject.split('/');
  return LINKED.includes(kind) && id.length > 0 ? `/v1/${kind}s/${id.join('/')}` : null;
}
