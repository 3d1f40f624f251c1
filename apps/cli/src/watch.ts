import type { Row } from './api';
import { exit, Failure, type ExitCode } from './failure';
import { leftText, LiveLine, progressOf } from './progress';
import type { Session } from './session';
import { at, text } from './values';
import { pause } from './world';

interface Watch {
  until: number;
  goesOn: (operation: Row) => boolean;
  look: (operation: Row) => Promise<Row>;
  json: ((operation: Row) => Row) | undefined;
}

const LOOK_EVERY_MS = 250;
const passing: ReadonlySet<ExitCode> = new Set([exit.notFound, exit.unreachable, exit.interrupted]);

/**
 * Tells every change of an operation, and of the task that it is about, until it goes on no more or its time is over. On
 * a terminal the bytes done run on in one line; elsewhere each change is a line of its own, so that it can be piped.
 */
export async function watchOperation(session: Session, operation: Row, watch: Watch): Promise<Row> {
  const { world } = session;
  const line = new LiveLine(world);
  let shown = '';
  let task: Row | undefined;
  try {
    for (let current = operation; ; current = await watch.look(current)) {
      if (!watch.goesOn(current) || world.now() >= watch.until || world.interrupted.aborted) return current;
      task = (await taskOf(session, current)) ?? task;
      if (session.asJson) {
        const told = JSON.stringify(jsonOf(watch.json?.(current) ?? current, task));
        if (told !== shown) session.line(told);
        shown = told;
      } else line.show(phaseOf(current, task), progressOf(task ?? current['progress']));
      await pause(world, LOOK_EVERY_MS);
    }
  } finally {
    line.end();
  }
}

/** Without the position and age of the answer, which are others at every look. */
function jsonOf(operation: Row, task: Row | undefined): Row {
  const { asOf: _, ...told } = operation;
  if (task === undefined) return told;
  const { asOf: __, ...ofTask } = task;
  return { ...told, task: ofTask };
}

/** The task that the operation is about. */
async function taskOf(session: Session, { subject }: Row): Promise<Row | undefined> {
  const [kind, taskId = ''] = text(subject).split('/');
  if (kind !== 'task') return undefined;
  try {
    return await session.api.one(`/v1/tasks/${encodeURIComponent(taskId)}`);
  } catch (error) {
    // Not admitted yet, or never; or nobody answers, which the next look at the operation says.
    if (error instanceof Failure && passing.has(error.exitCode)) return undefined;
    throw error;
  }
}

const UNEVENTFUL = new Set(['assigned', 'running']);

function phaseOf(operation: Row, task: Row | undefined): string {
  if (task === undefined) return phaseOfOperation(operation);
  const { kind, subject, state, nodeId, epoch, reason } = task;
  const where = nodeId ? ` on ${text(nodeId)}, epoch ${text(epoch)}` : '';
  const why = reason && !UNEVENTFUL.has(text(state)) ? `: ${text(reason)}` : '';
  return `${text(operation['subject'])}: ${text(kind)} of ${text(subject)} ${text(state)}${where}${why}`;
}

function phaseOfOperation({ subject, kind, state, phase, progress }: Row): string {
  const parts = [`${text(subject)}: ${text(kind)} ${text(state)}`];
  if (phase) parts.push(text(phase));
  const { done, total, unit, etaSec } = (progress ?? {}) as Row;
  if (typeof done !== 'number' || unit === 'bytes') return parts.join(', ');
  parts.push(`${done} of ${text(total)} ${text(unit)}`);
  const eta = at(etaSec, 'p50');
  if (typeof eta === 'number') parts.push(leftText(eta));
  return parts.join(', ');
}
