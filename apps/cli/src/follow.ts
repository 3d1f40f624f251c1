import type { Row } from './api';
import { exit, Failure } from './failure';
import type { Session } from './session';
import { duration, text } from './values';
import { watchOperation } from './watch';
import { pause } from './world';

/** How a verb that asks for something goes on after the gateway has taken the request. */
export interface FollowOptions {
  wait?: boolean;
  watch?: boolean;
  timeout?: number;
  idempotencyKey?: string;
}

interface How extends FollowOptions {
  long?: boolean;
  dryRun?: boolean;
  json?: (operation: Row) => Row;
}

const FIRST_ANSWER_SEC = 5;
const LONG_POLL_SEC = 30;
const LOOK_EVERY_MS = 250;
const AGAIN_AFTER_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

export const hasEnded = ({ state }: Row): boolean =>
  ['succeeded', 'failed', 'refused', 'cancelled', 'planned'].includes(text(state));
/** Nothing goes on before a person has done something. */
export const waitsForSomebody = ({ state }: Row): boolean => state === 'waiting';
const goesOn = (operation: Row): boolean => !hasEnded(operation) && !waitsForSomebody(operation);

/** The operation as it is when the caller leaves it. */
export async function follow(session: Session, operation: Row, how: How): Promise<Row> {
  const { wait, watch, long, dryRun, json } = how;
  const timeoutMs = how.timeout ?? (long ? HOUR_MS : MINUTE_MS);
  const until = session.world.now() + timeoutMs;
  if (!wait && !watch) {
    if (long) return firstAnswer(session, operation);
    return hasEnded(operation) ? operation : look(session, operation, FIRST_ANSWER_SEC);
  }
  const last = watch
    ? await watchOperation(session, operation, { until, goesOn, look: (from) => look(session, from, 0), json })
    : await waitForEnd(session, operation, until);
  if (goesOn(last)) throw leftOpen(session, operation, { timeoutMs, dryRun });
  return last;
}

/** Long polls, until it goes on no more or the time is over. */
async function waitForEnd(session: Session, operation: Row, until: number): Promise<Row> {
  const { world } = session;
  let current = operation;
  while (goesOn(current)) {
    const leftSec = Math.ceil((until - world.now()) / 1_000);
    if (leftSec <= 0 || world.interrupted.aborted) break;
    current = await look(session, current, Math.min(LONG_POLL_SEC, leftSec));
  }
  return current;
}

/** Until its owner has accepted or refused it. */
async function firstAnswer(session: Session, operation: Row): Promise<Row> {
  const { world } = session;
  const until = world.now() + FIRST_ANSWER_SEC * 1_000;
  let current = operation;
  while (current['state'] === 'queued' && world.now() < until && !world.interrupted.aborted) {
    await pause(world, LOOK_EVERY_MS);
    current = await look(session, current, 0);
  }
  return current;
}

/** As it is now. A gateway that is away for a while has lost nothing: it is asked again. */
async function look(session: Session, operation: Row, waitSec: number): Promise<Row> {
  try {
    return await session.api.one(`/v1/operations/${text(operation['id'])}${waitSec > 0 ? `?wait=${waitSec}` : ''}`);
  } catch (error) {
    const away =
      error instanceof Failure && (error.exitCode === exit.unreachable || error.exitCode === exit.interrupted);
    if (!away) throw error;
    if (error.exitCode === exit.unreachable)
      session.noteOnce(`warning: ${error.message}; the request stands, asking again`);
    await pause(session.world, AGAIN_AFTER_MS);
    return operation;
  }
}

interface Left {
  timeoutMs: number;
  dryRun: boolean | undefined;
}

/** How it ends if all goes well. */
export const endOf = ({ dryRun }: { dryRun?: boolean | undefined }): string => (dryRun ? 'planned' : 'succeeded');

/** Too late, or left by Ctrl-C: either way what was asked for goes on. */
function leftOpen({ world }: Session, { id, subject }: Row, { timeoutMs, dryRun }: Left): Failure {
  const interrupted = world.interrupted.aborted;
  return new Failure({
    code: interrupted ? 'INTERRUPTED' : 'WAITED_TOO_LONG',
    message: `${text(subject)}: ${interrupted ? 'left before its end' : `not done in ${duration(timeoutMs)}`}; the request stands`,
    remedy: `holdfast wait operation/${text(id)} --for ${endOf({ dryRun })} --timeout 5m, or describe operation/${text(id)}`,
    exitCode: interrupted ? exit.interrupted : exit.late,
  });
}
