import type { Row } from './api';
import { exit, Failure } from './failure';
import type { Session } from './session';
import { at, duration, text } from './values';
import { pause } from './world';

/** How a verb that asks for something goes on after the gateway has taken the request. */
export interface FollowOptions {
  wait?: boolean;
  watch?: boolean;
  timeout: number;
  idempotencyKey?: string;
}

const FIRST_ANSWER_SEC = 5;
const LOOK_EVERY_MS = 250;
const LONG_POLL_SEC = 30;

const ended = ({ state }: Row) => ['succeeded', 'failed', 'refused', 'cancelled', 'planned'].includes(text(state));

/**
 * Asks, and says what became of it. Without --wait or --watch it stays for the owner's first seconds, so that a refusal
 * is seen at once; whatever takes longer is followed with `wait`.
 */
export async function request(session: Session, ask: { path: string; body: object }, follow: FollowOptions) {
  const answer = await session.api.post(ask.path, ask.body, follow.idempotencyKey);
  const operation = answer['operation'] as Row;
  report(session, await followed(session, operation, follow), follow.watch === true);
}

function followed(session: Session, operation: Row, { watch, wait, timeout }: FollowOptions): Promise<Row> | Row {
  if (watch) return watchOperation(session, operation, timeout);
  if (wait) return waitForEnd(session, operation, timeout);
  return ended(operation) ? operation : look(session, operation, FIRST_ANSWER_SEC);
}

/** Prints the outcome; one that is not what was asked for is a failure. */
function report(session: Session, operation: Row, oneOfMany: boolean): void {
  if (session.asJson && oneOfMany) session.jsonLine(operation);
  else if (session.asJson) session.json(operation);
  if (text(operation['state']) === 'succeeded' || !ended(operation)) {
    if (!session.asJson) session.line(summary(session, operation));
    return;
  }
  throw new Failure({
    code: text(at(operation, 'reason.code') ?? operation['state']),
    message: `${text(operation['kind'])} ${text(operation['subject'])}: ${text(at(operation, 'reason.text') ?? operation['state'])}`,
    remedy: text(at(operation, 'reason.remedy') ?? `see \`holdfast describe operation/${text(operation['id'])}\``),
    exitCode: exit.refused,
    traceId: at(operation, 'links.trace') as string | undefined,
  });
}

function summary(session: Session, operation: Row): string {
  const { id, kind, subject, state, startedAt, endedAt } = operation;
  const took = Date.parse(text(endedAt)) - Date.parse(text(startedAt));
  if (ended(operation)) return `${text(subject)}: ${text(kind)} ${text(state)} in ${duration(took)}`;
  return `${text(subject)}: ${text(kind)} ${text(state)}; follow it: holdfast wait operation/${text(id)} --for succeeded`;
}

/** Long polls until it has ended. */
export async function waitForEnd(session: Session, operation: Row, timeoutMs: number): Promise<Row> {
  const { world } = session;
  const until = world.now() + timeoutMs;
  let current = operation;
  while (!ended(current)) {
    const leftSec = Math.ceil((until - world.now()) / 1_000);
    if (leftSec <= 0 || world.interrupted.aborted) throw late(operation, timeoutMs);
    current = await look(session, operation, Math.min(LONG_POLL_SEC, leftSec));
  }
  return current;
}

/** One line whenever its state, phase or progress changes; a terminal sees nothing else either: lines can be piped. */
async function watchOperation(session: Session, operation: Row, timeoutMs: number): Promise<Row> {
  const { world } = session;
  const until = world.now() + timeoutMs;
  let shown = '';
  for (let current = operation; ; current = await look(session, operation, 0)) {
    const line = session.asJson ? JSON.stringify(current) : progress(current);
    if (line !== shown && !ended(current)) session.line(line);
    shown = line;
    if (ended(current)) return current;
    if (world.now() >= until || world.interrupted.aborted) throw late(operation, timeoutMs);
    await pause(world, LOOK_EVERY_MS);
  }
}

function progress(operation: Row): string {
  const { subject, kind, state, phase } = operation;
  const { done, total, unit, etaSec } = (operation['progress'] ?? {}) as Row;
  const parts = [`${text(subject)}: ${text(kind)} ${text(state)}`];
  if (phase) parts.push(text(phase));
  if (typeof done === 'number') parts.push(`${done} of ${text(total)} ${text(unit)}`);
  const eta = at(etaSec, 'p50');
  if (typeof eta === 'number') parts.push(`about ${duration(eta * 1_000)} left`);
  return parts.join(', ');
}

function look(session: Session, { id }: Row, waitSec: number): Promise<Row> {
  return session.api.one(`/v1/operations/${text(id)}${waitSec > 0 ? `?wait=${waitSec}` : ''}`);
}

function late({ id, subject }: Row, timeoutMs: number): Failure {
  return new Failure({
    code: 'WAITED_TOO_LONG',
    message: `${text(subject)}: not done in ${duration(timeoutMs)}; the request stands`,
    remedy: `holdfast wait operation/${text(id)} --for succeeded --timeout 5m, or describe operation/${text(id)}`,
    exitCode: exit.late,
  });
}
