import {
  allContracts,
  requestContractOf,
  requests,
  RequestLeftUnanswered,
  type EventContract,
  type RequestContract,
} from '@holdfast/contracts';
import { heardOf } from './heard';
import { ask, hear, isAsked, keepEarly, UNASKED, type OperationRow } from './operation';
import { defineProjection, rulesFor, type Endless, type FeedEvent, type Rule, type Touch } from './projection';

const on = rulesFor<OperationRow>();

/** The request that an event answers: told outright, else by the correlation that the request began. */
const answered = (event: FeedEvent): string =>
  (event.data as { requestId?: string }).requestId ?? event.correlationId ?? event.id;

/** A request's id is random or made of its key (UUID 4, 5); a story that an event began has that event's (UUID 7). */
const mayBeRequest = (id: string): boolean => id[14] !== '7';

function requested(request: RequestContract): Rule<OperationRow> {
  return on(request.event, answered, (row, event) => {
    const subject = request.subject(event.data as never);
    return ask({ id: answered(event), kind: request.event.type, subject, at: event.at }, row);
  });
}

const own = (request: RequestContract) => [...request.accepts, ...request.refuses, request.plans];
const bySubject = (request: RequestContract) => [
  ...request.ends,
  ...(request.cancels ?? []),
  ...(request.waits ?? []),
  ...(request.resumes ?? []),
];
const toldBySubject = new Set(requests.flatMap(bySubject));
const answers = new Set(requests.flatMap((request) => [...own(request), ...bySubject(request)]));

/** Of a task that works on a system, the system's own operations hear nothing. */
function concerned(by: EventContract, data: object): string[] {
  const isServe = !('kind' in data) || data.kind === 'serve';
  return by.subjects(data).filter((subject) => isServe || !subject.startsWith('system/'));
}

function touched(by: EventContract, event: FeedEvent): Touch[] {
  const subjects = toldBySubject.has(by) ? concerned(by, event.data as object) : [];
  return [{ key: answered(event) }, ...subjects.map((subject) => ({ field: 'subject', equals: subject }))];
}

/** What a request that this event accepts is about. */
function subjectOf(by: EventContract, event: FeedEvent): string {
  const request = requests.find(({ accepts }) => accepts.includes(by));
  return request ? request.subject(event.data as never) : '';
}

function answer(by: EventContract): Rule<OperationRow> {
  return on(
    by,
    (event) => touched(by, event),
    (row, event, key) => {
      const heard = heardOf(event, key === answered(event));
      if (row && isAsked(row)) return hear(row, heard);
      return mayBeRequest(key) ? keepEarly(row, heard, { id: key, subject: subjectOf(by, event) }) : row;
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
    const row = ask({ id: answered(event), kind: fact.type, subject, at: event.at }, undefined);
    return { ...row, state: 'succeeded', endedAt: event.at };
  });
}

function isOperatorFact(contract: (typeof allContracts)[number]): contract is EventContract {
  if (contract.kind !== 'event' || requestContractOf(contract.type)) return false;
  return 'shape' in contract.schema && 'actor' in (contract.schema.shape as object);
}
const operatorFacts: readonly EventContract[] = allContracts.filter(isOperatorFact);

/** What nobody has asked for is no operation. Phase, progress and reason are made of more than the row. */
export const operationList: Endless = {
  by: 'id',
  sort: '-startedAt',
  filter: 'state',
  omits: { field: 'state', equals: UNASKED },
  plain: ['id', 'kind', 'subject', 'state', 'startedAt', 'endedAt'],
  atMost: 5_000,
};

const rules = [
  ...requests.map(requested),
  ...[...answers].filter((by) => by !== undefined).map(answer),
  ...operatorFacts.map(held),
  unanswered,
];
export const operationsProjection = defineProjection<OperationRow>('operations', rules, operationList);
