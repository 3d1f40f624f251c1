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
    const { status, remedy, retryAfterSec } = problems[kind];
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
  readonly retryAfterSec?: number;
}

/** Every code that the API answers with. */
export const problems = {
  UNAUTHENTICATED: kind(
    401,
    'Not signed in',
    'send `Authorization: Bearer <token>`; an admin issues one: `POST /v1/access-tokens`',
  ),
  FORBIDDEN: kind(403, 'Not allowed', 'ask an admin for a token of the role that this needs'),
  INVALID_REQUEST: kind(
    400,
    'Not a valid request',
    'correct the fields named in `errors`; /docs describes each request',
  ),
  NOT_FOUND: kind(404, 'Not found', 'list what there is, or look the path up in /docs'),
  METHOD_NOT_ALLOWED: kind(405, 'Not this method', 'use one of the methods named in `Allow`'),
  TOO_SLOW: kind(408, 'Body came too slowly', 'send the request again, whole'),
  UNSUPPORTED_MEDIA_TYPE: kind(415, 'Not JSON', 'send `Content-Type: application/json`'),
  TOO_LARGE: kind(413, 'Too large', 'send at most 256 KiB, and at most 32 levels deep'),
  IDEMPOTENCY_KEY_REUSED: kind(422, 'Key used for another request', 'send a new Idempotency-Key with a new request'),
  CURSOR_INVALID: kind(422, 'Cursor of another list', 'begin the list anew, without a cursor'),
  CLUSTER_EXISTS: kind(409, 'Cluster exists', 'choose another clusterId'),
  ADDRESS_RANGE_TAKEN: kind(409, 'Address range in use', 'choose ranges that no cluster and no node uses'),
  NODE_EXISTS: kind(409, 'Node exists', 'choose another nodeId, or retire the node that has it'),
  DATA_ADDRESS_TAKEN: kind(
    409,
    'Data address in use',
    'give the node an address outside every addressRange and of its own',
  ),
  TOKEN_REVOKED: kind(409, 'Token revoked', 'nothing is to be done: it can no longer be used'),
  NOT_ACTIONABLE: kind(
    409,
    'Cannot be acted on from here',
    'start the agent of that node anew, with a build that knows the event',
  ),
  EVENT_INVALID: kind(
    400,
    'Not a valid event',
    'correct the field named; /schemas/<Event>/<version>.json says how it looks',
  ),
  STREAM_CONFLICT: kind(409, 'Changed at the same time', 'send the request again, with the same Idempotency-Key'),
  STORE_UNAVAILABLE: kind(503, 'Store not reachable', 'repeat with the same Idempotency-Key, which decides', 2),
  STORE_REGRESSED: kind(
    503,
    'Store older than its log',
    'restore the newest backup of the store; see `holdfast get services`',
    60,
  ),
  OUTBOX_FULL: kind(
    503,
    'Too much waits to be sent',
    'check the Kafka broker; then repeat with the same Idempotency-Key',
    5,
  ),
  INTERNAL: kind(
    500,
    'Unexpected',
    'repeat with the same Idempotency-Key; if it stays, look for the traceId in the gateway’s log',
  ),
} as const satisfies Record<string, Kind>;
export type ProblemKind = keyof typeof problems;

function kind(
  status: number,
  title: string,
  remedy: string,
  retryAfterSec?: number,
): Kind & { retryAfterSec?: number } {
  return retryAfterSec === undefined ? { status, title, remedy } : { status, title, remedy, retryAfterSec };
}

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

export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  const message = error instanceof Error ? error.message : String(error);
  const known = ofStore[code];
  if (known) return new Problem(known, message, { cause: error });
  if (CONNECTION_CODES.test(code) || CONNECTION_WORDS.test(message))
    return new Problem('STORE_UNAVAILABLE', 'the store does not answer', { cause: error });
  return new Problem('INTERNAL', 'something happened that the gateway does not know how to answer', { cause: error });
}

export interface ProblemBody {
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
