import {
  allContracts,
  requestContractOf,
  requests,
  RequestLeftUnanswered,
  type EventContract,
  type Instant,
  type RequestContract,
} from '@holdfast/contracts';
import { refusalOf, type Reason } from './refusals';
import { defineProjection, rulesFor, type FeedEvent, type Rule } from './projection';

export type OperationState = 'queued' | 'running' | 'succeeded' | 'refused' | 'failed';

/** Where a plan is told, and until when it may be applied. */
export interface PlanRef {
  planDigest: string;
  expiresAt: Instant;
  eventId: string;
}

/** No operation yet, perhaps never one: an end was heard under this id, and no request that it would be the end of. */
const UNASKED = 'unasked';

/** What became of one request, whatever its kind: the request contracts say which events answer it. */
export interface OperationRow {
  id: string;
  kind: string;
  subject: string;
  state: OperationState | typeof UNASKED;
  reason: Reason | null;
  startedAt: Instant;
  /** When anything was last told about it. */
  movedAt: Instant;
  endedAt: Instant | null;
  /** The end, heard while the owner's first answer was still on its way to us: its own, or one of its subject. */
  endHeard?: { at: Instant; isOwn: boolean };
}

export const isAsked = (row: OperationRow): boolean => row.state !== UNASKED;

type Asked = { requestId?: string };
const on = rulesFor<OperationRow>();

/** The request that an event answers: told outright, else by the correlation that the request began. */
const answered = (event: FeedEvent): string => (event.data as Asked).requestId ?? event.correlationId ?? event.id;

type Ending = { state: OperationState; at: Instant; reason?: Reason };

function ended({ endHeard: _, ...row }: OperationRow, { state, at, reason }: Ending): OperationRow {
  return { ...row, state, reason: reason ?? null, movedAt: at, endedAt: at };
}

/** Also the first row of a request whose answer was heard before it. */
function asked(event: FeedEvent, kind: string, subject: string): OperationRow {
  const { at } = event;
  return {
    id: answered(event),
    kind,
    subject,
    state: 'queued',
    reason: null,
    startedAt: at,
    movedAt: at,
    endedAt: null,
  };
}

const isOpen = (row: OperationRow) => row.endedAt === null;

/** The row of this request, whatever was heard of it first. */
function rowOf(request: RequestContract, row: OperationRow | undefined, event: FeedEvent): OperationRow {
  const subject = request.subject(event.data as never);
  if (!row) return asked(event, request.event.type, subject);
  if (isAsked(row)) return row;
  // What was heard is the end of this very request, or something else that this one led to.
  const isItsEnd = row.kind === request.event.type;
  return isItsEnd ? { ...row, subject, state: 'queued' } : asked(event, request.event.type, subject);
}

function requested(request: RequestContract): Rule<OperationRow> {
  return on(request.event, answered, (row, event) => ({ ...rowOf(request, row, event), startedAt: event.at }));
}

function accepted(request: RequestContract, by: EventContract): Rule<OperationRow> {
  return on(by, answered, (row, event) => {
    // The same event accepts nothing when no request led to it: a node declared down by its silence.
    if (!(row && isAsked(row)) && (event.data as Asked).requestId === undefined) return row;
    const before = rowOf(request, row, event);
    if (before.kind !== request.event.type || !isOpen(before)) return before;
    if (request.ends.includes(by)) return ended(before, { state: 'succeeded', at: event.at });
    const { endHeard, ...running } = { ...before, state: 'running' as const, reason: null, movedAt: event.at };
    // What its subject came to before the request was accepted is no end of it.
    const hasEnded = endHeard !== undefined && (endHeard.isOwn || endHeard.at >= event.at);
    return hasEnded ? ended(running, { state: 'succeeded', at: endHeard.at }) : running;
  });
}

function refused(request: RequestContract, by: EventContract): Rule<OperationRow> {
  return on(by, answered, (row, event) => {
    const before = rowOf(request, row, event);
    if (before.kind !== request.event.type || !isOpen(before)) return before;
    // Refused after it was accepted: it was begun, and could not be carried through.
    const state = before.state === 'running' ? 'failed' : 'refused';
    const reason = refusalOf(event.type, (event.data as { reason: string }).reason);
    return ended(before, { state, at: event.at, reason });
  });
}

/**
 * Found under the request's own id, else by its subject: whoever asks for what another has asked for waits for the same
 * end. Streams arrive in either order: an end that comes before the answer that the request was accepted waits for it,
 * so that what has succeeded can be read.
 */
function endedBy(request: RequestContract, by: EventContract): Rule<OperationRow> {
  const kind = request.event.type;
  return on(
    by,
    (event) => {
      const subjects = by.subjects(event.data).map((subject) => ({ field: 'subject', equals: subject }));
      return [{ key: answered(event) }, ...subjects];
    },
    (row, event, key) => {
      const { at } = event;
      const endHeard = { at, isOwn: key === answered(event) };
      if (!row) return { ...asked(event, kind, ''), state: UNASKED, endHeard };
      if (row.kind !== kind || !isOpen(row) || row.endHeard?.isOwn) return row;
      return row.state === 'running' ? ended(row, { state: 'succeeded', at }) : { ...row, endHeard };
    },
  );
}

const unanswered = on(
  RequestLeftUnanswered,
  ({ data }) => data.requestId,
  (row, { data: { owner, waitedMs } }) => {
    if (row?.state !== 'queued') return row;
    const text = `${owner} has not answered for ${Math.round(waitedMs / 1000)} s`;
    const remedy = `look at \`holdfast get services\`: once ${owner} runs, it answers`;
    return { ...row, reason: { code: 'UNANSWERED', text, remedy } };
  },
);

/** Operator facts need no answer: they hold once they are written. */
function held(fact: EventContract): Rule<OperationRow> {
  return on(fact, answered, (_row, event) => {
    const subject = fact.subjects(event.data)[0] ?? `stream/${event.stream}`;
    return ended(asked(event, fact.type, subject), { state: 'succeeded', at: event.at });
  });
}

function isOperatorFact(contract: (typeof allContracts)[number]): contract is EventContract {
  if (contract.kind !== 'event' || requestContractOf(contract.type)) return false;
  return 'shape' in contract.schema && 'actor' in (contract.schema.shape as object);
}
export const operatorFacts: readonly EventContract[] = allContracts.filter(isOperatorFact);

export const operationsProjection = defineProjection<OperationRow>('operations', [
  ...requests.map(requested),
  ...requests.flatMap((request) => request.accepts.map((by) => accepted(request, by))),
  ...requests.flatMap((request) => request.refuses.map((by) => refused(request, by))),
  ...requests.flatMap((request) =>
    request.ends.filter((by) => !request.accepts.includes(by)).map((by) => endedBy(request, by)),
  ),
  ...operatorFacts.map(held),
  unanswered,
]);
