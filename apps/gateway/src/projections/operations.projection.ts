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

/** What became of one request, whatever its kind: the request contracts say which events answer it. */
export interface OperationRow {
  id: string;
  kind: string;
  subject: string;
  state: OperationState;
  reason: Reason | null;
  startedAt: Instant;
  /** When anything was last told about it. */
  movedAt: Instant;
  endedAt: Instant | null;
}

type Asked = { requestId?: string };
const on = rulesFor<OperationRow>();

/** The request that an event answers: told outright, else by the correlation that the request began. */
const answered = (event: FeedEvent): string => (event.data as Asked).requestId ?? event.correlationId ?? event.id;

function ended(row: OperationRow, state: OperationState, event: FeedEvent, reason: Reason | null = null) {
  return { ...row, state, reason, movedAt: event.at, endedAt: event.at };
}

/** Also the first row of a request whose answer was heard before it. */
export function asked(event: FeedEvent, kind: string, subject: string): OperationRow {
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

function requested(request: RequestContract): Rule<OperationRow> {
  return on(request.event, answered, (row, event) => {
    const subject = request.subject(event.data as never);
    return row ? { ...row, startedAt: event.at } : asked(event, request.event.type, subject);
  });
}

function accepted(request: RequestContract, by: EventContract): Rule<OperationRow> {
  return on(by, answered, (row, event) => {
    // The same event accepts nothing when no request led to it: a node declared down by its silence.
    if (!row && (event.data as Asked).requestId === undefined) return undefined;
    const before = row ?? asked(event, request.event.type, request.subject(event.data as never));
    if (before.kind !== request.event.type || !isOpen(before)) return row;
    if (request.ends.includes(by)) return ended(before, 'succeeded', event);
    return { ...before, state: 'running', reason: null, movedAt: event.at };
  });
}

function refused(request: RequestContract, by: EventContract): Rule<OperationRow> {
  return on(by, answered, (row, event) => {
    const before = row ?? asked(event, request.event.type, request.subject(event.data as never));
    if (before.kind !== request.event.type || !isOpen(before)) return row;
    // Refused after it was accepted: it was begun, and could not be carried through.
    const state = before.state === 'running' ? 'failed' : 'refused';
    return ended(before, state, event, refusalOf(event.type, (event.data as { reason: string }).reason));
  });
}

function endedBySubject(request: RequestContract, by: EventContract): Rule<OperationRow> {
  return on(
    by,
    (event) => by.subjects(event.data).map((subject) => ({ field: 'subject', equals: subject })),
    (row, event) =>
      row && row.kind === request.event.type && row.state === 'running' ? ended(row, 'succeeded', event) : row,
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
    return ended(asked(event, fact.type, subject), 'succeeded', event);
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
    request.ends.filter((by) => !request.accepts.includes(by)).map((by) => endedBySubject(request, by)),
  ),
  ...operatorFacts.map(held),
  unanswered,
]);
