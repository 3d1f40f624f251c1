import { Option } from 'commander';
import type { Row } from '../api';
import { exit, Failure, usage } from '../failure';
import { statesOf, type Kind } from '../kinds';
import type { Session } from '../session';
import { findSubject, readSubject } from '../subjects';
import { at, duration, parseDuration, text } from '../values';
import { action, examples, type Verb } from '../verb';
import { pause } from '../world';

interface WaitOptions {
  for: string;
  timeout: number;
}

const GONE = 'gone';
const LOOK_EVERY_MS = 250;
const MINUTE_MS = 60_000;
/** What was just asked for is there by then, or will not be. */
const ARRIVES_MS = 5_000;

export const wait: Verb = (program, world) => {
  examples(
    program.command('wait <subject>'),
    'wait system/s1 --for served',
    'wait task/<id> --for completed --timeout 5m',
    'wait node/alpha-1 --for healthy',
  )
    .description('until it is in the state: healthy, down, drained (node); served (system); completed (task); gone …')
    .requiredOption('--for <state>', 'the state')
    .addOption(new Option('--timeout <duration>', 'longest wait').argParser(parseDuration).default(MINUTE_MS, '1 m'))
    .action(
      action<WaitOptions>(world, async (session, [given = ''], options) => {
        const { kind } = readSubject(given);
        checkState(kind, options.for);
        const row = await reach(session, { given, kind }, options);
        if (session.asJson) session.json(row ?? null);
        else session.line(`${given} ${options.for}`);
      }),
    );
};

function checkState({ singular, states }: Kind, wanted: string): void {
  if (states === undefined || wanted === GONE || states.includes(wanted)) return;
  throw usage(`a ${singular} is never ${wanted}`, `one of ${[...states, GONE].join(', ')}`);
}

/** What is not there yet may come: a system that was just asked for. */
async function reach(session: Session, { given, kind }: { given: string; kind: Kind }, options: WaitOptions) {
  const { world } = session;
  const began = world.now();
  for (;;) {
    const { row, notFound } = await present(session, given);
    const states = row === undefined ? [GONE] : statesOf(kind, row);
    if (states.includes(options.for)) return row;
    if (row) refuseEnd({ given, kind, row }, options.for);
    const waitedMs = world.now() - began;
    const isOver = waitedMs >= options.timeout || world.interrupted.aborted;
    if (notFound && (isOver || waitedMs >= ARRIVES_MS)) throw notFound;
    if (isOver) throw late(given, states.join(', '), options);
    await pause(world, LOOK_EVERY_MS);
  }
}

async function present(session: Session, given: string): Promise<{ row?: Row; notFound?: Failure }> {
  try {
    return { row: (await findSubject(session, given)).row };
  } catch (error) {
    if (error instanceof Failure && error.exitCode === exit.notFound) return { notFound: error };
    throw error;
  }
}

const finalStates: Readonly<Record<string, readonly string[]>> = {
  // Waiting, and parked: nothing goes on before a person has looked.
  operation: ['succeeded', 'failed', 'cancelled', 'refused', 'planned', 'waiting'],
  task: ['completed', 'cancelled', 'parked'],
};

/** What has ended another way will never reach the state: no need to wait it out. */
function refuseEnd({ given, kind, row }: { given: string; kind: Kind; row: Row }, wanted: string): void {
  const state = text(row['state']);
  if (wanted === GONE || !finalStates[kind.singular]?.includes(state)) return;
  const look = state === 'parked' ? `holdfast why ${given}, then task retry or cancel` : `holdfast describe ${given}`;
  throw new Failure({
    code: text(at(row, 'reason.code') ?? state).toUpperCase(),
    message: `${given} is ${state}, not ${wanted}: ${text(at(row, 'reason.text') ?? row['reason'])}`,
    remedy: text(at(row, 'reason.remedy') ?? look),
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
