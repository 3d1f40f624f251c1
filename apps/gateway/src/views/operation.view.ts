import { requestContractOf } from '@holdfast/contracts';
import type { OperationRow } from '../projections/operations.projection';
import type { Reason } from '../projections/refusals';

/** An operation as the API shows it. What no kind of this step has is null, never 0. */
export function operationView(row: OperationRow, now: number) {
  const { id, kind, subject, state, startedAt, endedAt } = row;
  return {
    id,
    kind,
    subject,
    state,
    phase: null,
    progress: null,
    verdict: null,
    pointOfNoReturn: null,
    actions: [],
    reason: row.reason ?? stalled(row, now),
    result: null,
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

function stalled({ kind, state, movedAt, subject }: OperationRow, now: number): Reason | null {
  const request = requestContractOf(kind);
  if (state !== 'running' || !request) return null;
  const stillSec = Math.floor((now - Date.parse(movedAt)) / 1000);
  if (stillSec < request.stallSec) return null;
  const text = `nothing was told about it for ${stillSec} s`;
  return { code: 'STALLED', text, remedy: `\`holdfast why ${subject}\` says what it waits for` };
}

function linkOf(subject: string): string | null {
  const [kind, id] = subject.split('/', 2);
  return kind && id && ['system', 'node', 'cluster', 'task', 'access-token'].includes(kind)
    ? `/v1/${kind}s/${id}`
    : null;
}
