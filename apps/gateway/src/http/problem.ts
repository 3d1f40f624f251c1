import { FleetError } from '@holdfast/kernel';

/** An answer that is no success: RFC 9457, and always with something that the caller can do. */
export class Problem extends FleetError {
  readonly code: string;
  readonly retryable: boolean;
  override readonly remedy: string;
  readonly status: number;
  readonly subject: string | undefined;
  readonly more: Readonly<Record<string, unknown>>;
  readonly retryAfterSec: number | undefined;

  constructor(
    readonly kind: ProblemKind,
    detail: string,
    told: { remedy?: string; subject?: string | undefined; more?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(detail, { cause: told.cause });
    const { status, remedy, retryAfterSec }: Kind = problems[kind];
    this.code = kind;
    this.status = status;
    this.remedy = told.remedy ?? remedy;
    this.subject = told.subject;
    this.more = told.more ?? {};
    this.retryAfterSec = retryAfterSec;
    this.retryable = status === 503;
  }
}

interface Kind {
  readonly status: number;
  readonly title: string;
  readonly remedy: string;
  /** To whoever only read: there is nothing that a key would decide. */
  readonly readRemedy?: string;
  readonly retryAfterSec?: number;
}

/** Every code that the API answers with. */
export const problems = {
  UNAUTHENTICATED: {
    status: 401,
    title: 'Not signed in',
    remedy: 'send `Authorization: Bearer <token>`; an admin issues one: `POST /v1/access-tokens`',
  },
  FORBIDDEN: { status: 403, title: 'Not allowed', remedy: 'ask an admin for a token of the role that this needs' },
  INVALID_REQUEST: {
    status: 400,
    title: 'Not a valid request',
    remedy: 'correct the fields named in `errors`; /docs describes each request',
  },
  NOT_FOUND: { status: 404, title: 'Not found', remedy: 'list what there is, or look the path up in /docs' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'Not this method', remedy: 'use one of the methods named in `Allow`' },
  TOO_SLOW: { status: 408, title: 'Body came too slowly', remedy: 'send the request again, whole' },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'Not JSON',
    remedy: 'send `Content-Type: application/json`, in UTF-8, without Content-Encoding',
  },
  TOO_LARGE: { status: 413, title: 'Too large', remedy: 'send less than the limit named, at most 32 levels deep' },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    title: 'Key used for another request',
    remedy: 'send a new Idempotency-Key with a new request',
  },
  CURSOR_INVALID: { status: 422, title: 'Cursor of another list', remedy: 'begin the list anew, without a cursor' },
  AS_OF_OUT_OF_RANGE: {
    status: 422,
    title: 'Not within what is known',
    remedy: 'ask for a position or an instant within the range named',
  },
  NO_HISTORY: {
    status: 422,
    title: 'Its past is not kept',
    remedy: 'ask without asOf: it is heard as it is now, and kept nowhere',
  },
  CLUSTER_EXISTS: { status: 409, title: 'Cluster exists', remedy: 'choose another clusterId' },
  ADDRESS_RANGE_TAKEN: {
    status: 409,
    title: 'Address range in use',
    remedy: 'choose ranges that no cluster and no node uses',
  },
  NODE_EXISTS: { status: 409, title: 'Node exists', remedy: 'choose another nodeId, or retire the node that has it' },
  DATA_ADDRESS_TAKEN: {
    status: 409,
    title: 'Data address in use',
    remedy: 'give the node an address outside every addressRange and of its own',
  },
  BACKUP_ELSEWHERE: {
    status: 409,
    title: 'Backup of another cluster',
    remedy: 'restore it in its own cluster: leave clusterId out',
  },
  PLAN_EXPIRED: {
    status: 409,
    title: 'Plan too old',
    remedy: 'plan again with `?dryRun=true`, and apply the digest that comes with it',
  },
  TOKEN_REVOKED: { status: 409, title: 'Token revoked', remedy: 'nothing is to be done: it can no longer be used' },
  NOT_ACTIONABLE: {
    status: 409,
    title: 'Cannot be acted on from here',
    remedy: 'act on the agent of that node itself; the answer says how',
  },
  EVENT_INVALID: {
    status: 400,
    title: 'Not a valid event',
    remedy: 'correct the field named; /schemas/<Event>/<version>.json says how it looks',
  },
  STREAM_CONFLICT: {
    status: 409,
    title: 'Changed at the same time',
    remedy: 'send the request again, with the same Idempotency-Key',
  },
  STORE_UNAVAILABLE: {
    status: 503,
    title: 'Store not reachable',
    remedy: 'check PostgreSQL; then repeat with the same Idempotency-Key, which decides',
    readRemedy: 'check PostgreSQL (of a local fleet: `holdfast lab start postgres`), then ask again',
    retryAfterSec: 2,
  },
  STORE_REGRESSED: {
    status: 503,
    title: 'Store older than its log',
    remedy: 'restore the newest backup of the store; see `holdfast get services`',
    retryAfterSec: 60,
  },
  OUTBOX_FULL: {
    status: 503,
    title: 'Too much waits to be sent',
    remedy: 'check the Kafka broker; then repeat with the same Idempotency-Key',
    retryAfterSec: 5,
  },
  INTERNAL: {
    status: 500,
    title: 'Unexpected',
    remedy: 'repeat with the same Idempotency-Key; if it stays, look for the traceId in the gateway’s log',
    readRemedy: 'ask again; if it stays, look for the traceId in the gateway’s log',
  },
} satisfies Record<string, Kind>;
type ProblemKind = keyof typeof problems;

/** What the store's own errors are to a caller. */
const ofStore: Readonly<Record<string, ProblemKind>> = {
  STORE_UNAVAILABLE: 'STORE_UNAVAILABLE',
  STORE_BUSY: 'STORE_UNAVAILABLE',
  STORE_REGRESSED: 'STORE_REGRESSED',
  OUTBOX_FULL: 'OUTBOX_FULL',
  STREAM_CONFLICT: 'STREAM_CONFLICT',
  EVENT_INVALID: 'EVENT_INVALID',
  EVENT_TOO_LARGE: 'TOO_LARGE',
};

/** node-postgres and the sockets below it: the store is away, whatever they call it. */
const CONNECTION_CODES = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|08|57P0|53300)/;
const CONNECTION_WORDS = /Connection terminated|timeout exceeded when trying to connect|not queryable/;

export function problemOf(error: unknown, asked: 'to read' | 'to act' = 'to act'): Problem {
  if (error instanceof Problem) return error;
  const { code: told } = (error ?? {}) as { code?: unknown };
  const code = typeof told === 'string' ? told : '';
  const message = error instanceof Error ? error.message : String(error);
  const problem = (kind: ProblemKind, detail: string) => {
    const { remedy, readRemedy = remedy }: Kind = problems[kind];
    return new Problem(kind, detail, { remedy: asked === 'to read' ? readRemedy : remedy, cause: error });
  };
  const known = ofStore[code];
  if (known) return problem(known, message);
  if (CONNECTION_CODES.test(code) || CONNECTION_WORDS.test(message))
    return problem('STORE_UNAVAILABLE', 'the store does not answer');
  return problem('INTERNAL', 'something happened that the gateway does not know how to answer');
}

interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  remedy: string;
  subject?: string;
  traceId: string;
  requestId?: string;
}

export function problemBody(problem: Problem, ids: { traceId: string; requestId?: string | undefined }): ProblemBody {
  const { status, code, message, remedy, subject, more } = problem;
  return {
    type: `urn:holdfast:problem:${code}`,
    title: problems[problem.kind].title,
    status,
    detail: message,
    code,
    remedy,
    ...(subject && { subject }),
    ...more,
    traceId: ids.traceId,
    ...(ids.requestId && { requestId: ids.requestId }),
  };
}
