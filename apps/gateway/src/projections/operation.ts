import { requestContractOf, type EventContract, type Instant } from '@holdfast/contracts';
import type { Reason } from './refusals';

export const operationStates = [
  'queued',
  'running',
  'waiting',
  'succeeded',
  'refused',
  'failed',
  'cancelled',
  'planned',
] as const;
type OperationState = (typeof operationStates)[number];

/** Nothing was asked for yet, perhaps never: an answer was heard under this id, and not the request. */
export const UNASKED = 'unasked';

/** Where a plan is told, and until when it may be applied. */
export interface PlanRef {
  planDigest: string;
  expiresAt: Instant;
  eventId: string;
}

/** What an event says to the operations that it may concern. */
export interface Heard {
  type: string;
  at: Instant;
  /** Told in answer to this very request; else found by its subject. */
  isOwn: boolean;
  reason?: Reason;
  result?: object;
  plan?: PlanRef;
  /** The plan is another than the one applied, whose digest this is. The event tells it. */
  changed?: { asked: string | null; eventId: string };
}

/** What became of one request, whatever its kind: the request contracts say which events answer it. */
export interface OperationRow {
  id: string;
  kind: string;
  subject: string;
  state: OperationState | typeof UNASKED;
  reason: Reason | null;
  result: object | null;
  startedAt: Instant;
  /** When anything was last told about it. */
  movedAt: Instant;
  endedAt: Instant | null;
  plan?: PlanRef;
  changed?: { asked: string | null; eventId: string };
  /** The end, heard while the owner's first answer was still on its way to us. */
  endHeard?: Heard;
  /** All that was heard before the request itself. */
  early?: Heard[];
}

export const isAsked = (row: OperationRow): boolean => row.state !== UNASKED;
const isOpen = (row: OperationRow) => row.endedAt === null;

type Asked = Pick<OperationRow, 'id' | 'kind' | 'subject'> & { at: Instant };

/** Streams arrive in either order: what was heard before the request counts as if it came after. */
export function ask({ at, ...asked }: Asked, before: OperationRow | undefined): OperationRow {
  if (before && isAsked(before)) return before;
  const row: OperationRow = {
    ...asked,
    state: 'queued',
    reason: null,
    result: null,
    startedAt: at,
    movedAt: at,
    endedAt: null,
  };
  return (before?.early ?? []).reduce(hear, row);
}

/** More than any request is answered with: a story that no request began may be long. */
const EARLY_LIMIT = 32;

/** Kept until the request is heard. `subject`: what a request with this answer would be about. */
export function keepEarly(
  row: OperationRow | undefined,
  heard: Heard,
  { id, subject }: { id: string; subject: string },
): OperationRow {
  const { at } = heard;
  const empty = { state: UNASKED, reason: null, result: null, startedAt: at, movedAt: at, endedAt: null } as const;
  const before: OperationRow = row ?? { id, kind: '', subject, ...empty };
  const early = [...(before.early ?? []), heard].slice(0, EARLY_LIMIT);
  return { ...before, subject: before.subject || subject, early };
}

/**
 * One step of an operation. What answers it is its own; what ends it may be another's: whoever asks for what somebody
 * else has asked for waits for the same end.
 */
export function hear(row: OperationRow, heard: Heard): OperationRow {
  const request = requestContractOf(row.kind);
  if (!request || !isOpen(row)) return row;
  const is = (contracts: readonly EventContract[] = []) => contracts.some(({ type }) => type === heard.type);

  if (heard.isOwn && request.plans?.type === heard.type) return ended(row, 'planned', heard);
  // Refused after it was accepted: it was begun, and could not be carried through.
  if (heard.isOwn && is(request.refuses)) return ended(row, row.state === 'queued' ? 'refused' : 'failed', heard);
  if (heard.isOwn && is(request.accepts)) return is(request.ends) ? ended(row, 'succeeded', heard) : begun(row, heard);

  const end = endOf(row.kind, heard);
  if (end) return row.state === 'queued' ? endedBefore(row, heard) : ended(row, end, heard);
  if (is(request.waits) && row.state === 'running')
    return { ...row, state: 'waiting', reason: heard.reason ?? null, movedAt: heard.at };
  if (is(request.resumes) && row.state === 'waiting')
    return { ...row, state: 'running', reason: null, movedAt: heard.at };
  return row;
}

function endOf(kind: string, { type }: Heard): 'cancelled' | 'succeeded' | undefined {
  const { cancels = [], ends = [] } = requestContractOf(kind) ?? {};
  if (cancels.some((by) => by.type === type)) return 'cancelled';
  return ends.some((by) => by.type === type) ? 'succeeded' : undefined;
}

function begun({ endHeard, ...row }: OperationRow, { at }: Heard): OperationRow {
  const running: OperationRow = { ...row, state: 'running', reason: null, movedAt: at };
  // What its subject came to before the request was accepted is no end of it.
  const hasEnded = endHeard && (endHeard.isOwn || endHeard.at >= at);
  return hasEnded ? ended(running, endOf(row.kind, endHeard) ?? 'succeeded', endHeard) : running;
}

/** An end that comes before the answer that the request was accepted waits for it: what has succeeded can be read. */
function endedBefore(row: OperationRow, heard: Heard): OperationRow {
  return row.endHeard?.isOwn ? row : { ...row, endHeard: heard };
}

function ended({ endHeard: _, ...row }: OperationRow, state: OperationState, heard: Heard): OperationRow {
  const { at, reason = null, result = null, plan, changed } = heard;
  // Only what has not come about needs a reason.
  const why = state === 'succeeded' || state === 'planned' ? null : reason;
  const told = { state, reason: why, result, movedAt: at, endedAt: at };
  return { ...row, ...told, ...(plan && { plan }), ...(changed && { changed }) };
}
