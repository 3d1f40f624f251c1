import { FleetError } from '@holdfast/kernel';

/** What scripts branch on. The numbers are a promise. */
export const exit = {
  done: 0,
  unexpected: 1,
  usage: 2,
  refused: 3,
  notAllowed: 4,
  unreachable: 5,
  changed: 6,
  late: 7,
  notFound: 8,
  /** As shells have it: 128 and the number of SIGINT. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof exit)[keyof typeof exit];

export interface FailureDetails {
  code: string;
  message: string;
  remedy: string;
  exitCode: ExitCode;
  traceId?: string | undefined;
  /** Lines for whoever needs the particulars: the faulty fields of a body. */
  particulars?: readonly string[];
}

/** The verb did not do what was asked. */
export class Failure extends FleetError {
  readonly code: string;
  readonly retryable = false;
  override readonly remedy: string;
  readonly exitCode: ExitCode;
  readonly traceId: string | undefined;
  readonly particulars: readonly string[];

  constructor(details: FailureDetails) {
    super(details.message);
    this.code = details.code;
    this.remedy = details.remedy;
    this.exitCode = details.exitCode;
    this.traceId = details.traceId;
    this.particulars = details.particulars ?? [];
  }
}

export function usage(message: string, remedy: string): Failure {
  return new Failure({ code: 'USAGE', message, remedy, exitCode: exit.usage });
}

/** Ctrl-C before the answer: nobody is to blame, and what was asked may have been done. */
export function interrupted(what: string): Failure {
  return new Failure({
    code: 'INTERRUPTED',
    message: `${what} was left before its answer`,
    remedy: 'ask again',
    exitCode: exit.interrupted,
  });
}

/** As everybody reads it, on stderr. */
export function describeFailure({ code, message, remedy, traceId, particulars }: Failure): string {
  const lines = [`error     ${code}  ${message}`, ...particulars.map((line) => `          ${line}`)];
  lines.push(`remedy    ${remedy}`);
  if (traceId) lines.push(`trace     ${traceId}`);
  return `${lines.join('\n')}\n`;
}

/** RFC 9457, as the gateway answers. */
export interface Problem {
  status?: number;
  code?: string;
  title?: string;
  detail?: string;
  remedy?: string;
  traceId?: string;
  errors?: { pointer: string; message: string }[];
}

const exitOfStatus: Readonly<Record<number, ExitCode>> = {
  400: exit.usage,
  401: exit.notAllowed,
  403: exit.notAllowed,
  404: exit.notFound,
  412: exit.changed,
  502: exit.unreachable,
  503: exit.unreachable,
  504: exit.unreachable,
};
const changedCodes = new Set(['PLAN_CHANGED', 'CHANGED', 'STREAM_CONFLICT']);

/** Of what an owner refused, by its reason's code. */
export const exitOfRefusal = (code: string): ExitCode => (changedCodes.has(code) ? exit.changed : exit.refused);

export function failureOf(status: number, problem: Problem): Failure {
  const code = problem.code ?? `HTTP_${status}`;
  const ordinary = status >= 500 ? exit.unexpected : exit.refused;
  const message = problem.detail ?? problem.title ?? `the gateway answered ${status}`;
  const faults = (problem.errors ?? []).map(({ pointer, message: fault }) => `${pointer || '/'}: ${fault}`);
  return new Failure({
    code,
    message,
    remedy: problem.remedy ?? 'see `holdfast doctor`',
    exitCode: changedCodes.has(code) ? exit.changed : (exitOfStatus[status] ?? ordinary),
    traceId: problem.traceId,
    // One that the detail tells already is not told twice.
    particulars: faults.filter((fault) => !message.includes(fault)),
  });
}
