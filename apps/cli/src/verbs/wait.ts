import type { Row } from '../api';
import { exit, Failure } from '../failure';
import type { Kind } from '../kinds';
import { kindOf } from '../kinds';
import { usage } from '../failure';
import type { Session } from '../session';
import { findSubject } from '../subjects';
import { at, duration, parseDuration, text } from '../values';
import { action, type Verb } from '../verb';
import { pause } from '../world';

interface WaitOptions {
  for: string;
  timeout: number;
}

const LOOK_EVERY_MS = 250;

export const wait: Verb = (program, world) => {
  program
    .command('wait <subject>')
    .description('until it is in the state: healthy, down (node); served (system); succeeded (operation); gone …')
    .requiredOption('--for <state>', 'the state')
    .option('--timeout <duration>', 'longest wait', parseDuration, 60_000)
    .action(
      action<WaitOptions>(world, async (session, [given = ''], options) => {
        const kind = kindOf(given.split('/')[0] ?? '');
        if (!given.includes('/')) throw usage(`${given} is no subject`, 'write it as kind/id, such as system/s1');
        const row = await reach(session, { given, kind }, options);
        if (session.asJson) session.json(row ?? null);
        else session.line(`${given} ${options.for}`);
      }),
    );
};

/** What is not there yet may come: a system that was just asked for. */
async function reach(session: Session, { given, kind }: { given: string; kind: Kind }, options: WaitOptions) {
  const { world } = session;
  const until = world.now() + options.timeout;
  for (;;) {
    const row = await present(session, given);
    const state = row === undefined ? 'gone' : stateOf(kind, row);
    if (state === options.for) return row;
    refuseEnd(given, row, options.for);
    if (world.now() >= until || world.interrupted.aborted) throw late(given, state, options);
    await pause(world, LOOK_EVERY_MS);
  }
}

async function present(session: Session, given: string): Promise<Row | undefined> {
  try {
    return (await findSubject(session, given)).row;
  } catch (error) {
    if (error instanceof Failure && error.exitCode === exit.notFound) return undefined;
    throw error;
  }
}

function stateOf({ singular, statePath }: Kind, row: Row): string {
  if (singular === 'service') return row['ready'] === true ? 'ready' : 'unready';
  if (singular === 'cluster' && row['frozen']) return 'frozen';
  if (singular === 'automation') return row['halted'] === true ? 'halted' : 'running';
  return text(at(row, statePath));
}

/** An operation that has ended another way will never reach the state: no need to wait it out. */
function refuseEnd(given: string, row: Row | undefined, wanted: string): void {
  if (row?.['endedAt'] === undefined || row['endedAt'] === null || !given.startsWith('operation')) return;
  throw new Failure({
    code: text(at(row, 'reason.code') ?? row['state']),
    message: `${given} ended as ${text(row['state'])}, not ${wanted}: ${text(at(row, 'reason.text'))}`,
    remedy: text(at(row, 'reason.remedy') ?? `see \`holdfast describe ${given}\``),
    exitCode: exit.refused,
  });
}

function late(given: string, state: string, options: WaitOptions): Failure {
  return new Failure({
    code: 'WAITED_TOO_LONG',
    message: `${given} is ${state} after ${duration(options.timeout)}, not ${options.for}`,
    remedy: `\`holdfast why ${given}\` says what it waits for; --timeout 5m waits longer`,
    exitCode: exit.late,
  });
}
