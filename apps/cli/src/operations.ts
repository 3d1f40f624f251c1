import type { Row } from './api';
import { exit, exitOfRefusal, Failure } from './failure';
import { bothPlans } from './plans';
import type { Session } from './session';
import { at, duration, text } from './values';
import { watchOperation } from './watch';
import { pause } from './world';

/** How a verb that asks for something goes on after the gateway has taken the request. */
export interface FollowOptions {
  wait?: boolean;
  watch?: boolean;
  timeout?: number;
  idempotencyKey?: string;
}

/** What is asked for, and how its outcome is told where it is more than the operation. */
export interface Ask {
  path: string;
  body: object;
  /** It takes as long as its bytes do: without --wait its owner's first answer is waited for, not its end. */
  long?: boolean;
  json?: (operation: Row) => Row;
  words?: (operation: Row) => string | Promise<string>;
}

const FIRST_ANSWER_SEC = 5;
const LONG_POLL_SEC = 30;
const LOOK_EVERY_MS = 250;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

export const hasEnded = ({ state }: Row): boolean =>
  ['succeeded', 'failed', 'refused', 'cancelled', 'planned'].includes(text(state));
/** Nothing goes on before a person has done something. */
const waitsForSomebody = ({ state }: Row): boolean => state === 'waiting';
const goesOn = (operation: Row): boolean => !hasEnded(operation) && !waitsForSomebody(operation);

/**
 * Asks, and says what became of it. Without --wait or --watch it stays for the owner's first seconds, so that a refusal
 * is seen at once; whatever takes longer is followed with `wait`.
 */
export async function request(session: Session, ask: Ask, follow: FollowOptions): Promise<void> {
  const operation = await perform(session, ask, follow);
  const told = ask.json?.(operation) ?? operation;
  if (session.asJson && follow.watch) session.jsonLine(told);
  else if (session.asJson) session.json(told);
  refuseOtherEnd(session, operation, follow);
  if (session.asJson) return;
  const outcome = hasEnded(operation) ? await ask.words?.(operation) : undefined;
  session.line(outcome ?? summary(operation));
}

/** The operation as far as the caller stays for it. */
export async function perform(session: Session, ask: Ask, follow: FollowOptions): Promise<Row> {
  const answer = await session.api.post(ask.path, ask.body, follow.idempotencyKey);
  const operation = answer['operation'] as Row;
  const timeoutMs = follow.timeout ?? (ask.long ? HOUR_MS : MINUTE_MS);
  if (follow.watch) return watched(session, ask, { operation, timeoutMs });
  if (follow.wait) return waitForEnd(session, operation, timeoutMs);
  if (ask.long) return firstAnswer(session, operation);
  return hasEnded(operation) ? operation : look(session, operation, FIRST_ANSWER_SEC);
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

function summary(operation: Row): string {
  const { id, kind, subject, state } = operation;
  if (hasEnded(operation)) return `${text(subject)}: ${text(kind)} ${text(state)} in ${tookOf(operation)}`;
  const reason = at(operation, 'reason.text');
  const stands = `${text(subject)}: ${text(kind)} ${text(state)}${reason ? `: ${text(reason)}` : ''}`;
  return `${stands}; follow it: holdfast wait operation/${text(id)} --for succeeded`;
}

export function tookOf({ startedAt, endedAt }: Row): string {
  return duration(Date.parse(text(endedAt)) - Date.parse(text(startedAt)));
}

/** Long polls until it has ended. */
export async function waitForEnd(session: Session, operation: Row, timeoutMs: number): Promise<Row> {
  const { world } = session;
  const until = world.now() + timeoutMs;
  let current = operation;
  while (goesOn(current)) {
    const leftSec = Math.ceil((until - world.now()) / 1_000);
    if (leftSec <= 0 || world.interrupted.aborted) throw leftOpen(session, operation, timeoutMs);
    current = await look(session, operation, Math.min(LONG_POLL_SEC, leftSec));
  }
  return current;
}

/** Until its owner has accepted or refused it. */
async function firstAnswer(session: Session, operation: Row): Promise<Row> {
  const until = session.world.now() + FIRST_ANSWER_SEC * 1_000;
  let current = operation;
  while (current['state'] === 'queued' && session.world.now() < until && !session.world.interrupted.aborted) {
    await pause(session.world, LOOK_EVERY_MS);
    current = await look(session, operation, 0);
  }
  return current;
}

async function watched(session: Session, ask: Ask, { operation, timeoutMs }: { operation: Row; timeoutMs: number }) {
  const last = await watchOperation(session, operation, {
    until: session.world.now() + timeoutMs,
    goesOn,
    look: () => look(session, operation, 0),
    json: ask.json,
  });
  if (goesOn(last)) throw leftOpen(session, operation, timeoutMs);
  return last;
}

function look(session: Session, { id }: Row, waitSec: number): Promise<Row> {
  return session.api.one(`/v1/operations/${text(id)}${waitSec > 0 ? `?wait=${waitSec}` : ''}`);
}

/** Too late, or left by Ctrl-C: either way what was asked for goes on. */
function leftOpen({ world }: Session, { id, subject }: Row, timeoutMs: number): Failure {
  const interrupted = world.interrupted.aborted;
  return new Failure({
    code: interrupted ? 'INTERRUPTED' : 'WAITED_TOO_LONG',
    message: `${text(subject)}: ${interrupted ? 'left before its end' : `not done in ${duration(timeoutMs)}`}; the request stands`,
    remedy: `holdfast wait operation/${text(id)} --for succeeded --timeout 5m, or describe operation/${text(id)}`,
    exitCode: interrupted ? exit.interrupted : exit.late,
  });
}
