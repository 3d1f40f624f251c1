import type { Row } from './api';
import { exitOfRefusal, Failure } from './failure';
import { endOf, follow, hasEnded, waitsForSomebody, type FollowOptions } from './follow';
import { bothPlans } from './plans';
import type { Session } from './session';
import { at, duration, text } from './values';

/** What is asked for, and how its outcome is told where it is more than the operation. */
export interface Ask {
  path: string;
  body: object;
  /** It takes as long as its bytes do: without --wait its owner's first answer is waited for, not its end. */
  long?: boolean;
  /** What would be done is planned, and that is all. */
  dryRun?: boolean;
  json?: (operation: Row) => Row;
  words?: (operation: Row) => string | Promise<string>;
}

/**
 * Asks, and says what became of it. Without --wait or --watch it stays for the owner's first seconds, so that a refusal
 * is seen at once; whatever takes longer is followed with `wait`.
 */
export async function request(session: Session, ask: Ask, options: FollowOptions): Promise<void> {
  const operation = await perform(session, ask, options);
  const told = ask.json?.(operation) ?? operation;
  if (session.asJson && options.watch) session.jsonLine(told);
  else if (session.asJson) session.json(told);
  refuseOtherEnd(session, operation, options);
  if (session.asJson) return;
  const outcome = hasEnded(operation) ? await ask.words?.(operation) : undefined;
  session.line(outcome ?? summary(operation, ask));
}

/** The operation as far as the caller stays for it. */
export async function perform(session: Session, ask: Ask, options: FollowOptions): Promise<Row> {
  const answer = await session.api.post(ask.path, ask.body, options.idempotencyKey);
  return follow(session, answer['operation'] as Row, { ...ask, ...options });
}

/** One that is not what was asked for is a failure; so is one that is waited for and waits for a person itself. */
export function refuseOtherEnd(session: Session, operation: Row, { wait, watch }: Partial<FollowOptions>): void {
  const { id, kind, subject, state, result } = operation;
  const stuck = waitsForSomebody(operation) && (wait || watch);
  if (['succeeded', 'planned'].includes(text(state)) || (!hasEnded(operation) && !stuck)) return;
  const code = text(at(operation, 'reason.code') ?? state);
  if (code === 'PLAN_CHANGED') session.note(bothPlans(session, result));
  throw new Failure({
    code,
    message: `${text(kind)} ${text(subject)}: ${text(at(operation, 'reason.text') ?? state)}`,
    remedy: text(at(operation, 'reason.remedy') ?? `see \`holdfast describe operation/${text(id)}\``),
    exitCode: exitOfRefusal(code),
    traceId: at(operation, 'links.trace') as string | undefined,
  });
}

function summary(operation: Row, ask: Ask): string {
  const { id, kind, subject, state } = operation;
  if (hasEnded(operation)) return `${text(subject)}: ${text(kind)} ${text(state)} in ${tookOf(operation)}`;
  const reason = at(operation, 'reason.text');
  const stands = `${text(subject)}: ${text(kind)} ${text(state)}${reason ? `: ${text(reason)}` : ''}`;
  return `${stands}; follow it: holdfast wait operation/${text(id)} --for ${endOf(ask)}`;
}

export function tookOf({ startedAt, endedAt }: Row): string {
  return duration(Date.parse(text(endedAt)) - Date.parse(text(startedAt)));
}
