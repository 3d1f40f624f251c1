import { isKnown, nearestKnown } from '@holdfast/observability';
import { Command, CommanderError, Option } from 'commander';
import { describeFailure, exit, Failure, type ExitCode } from './failure';
import { backups } from './verbs/backups';
import { brakes } from './verbs/brakes';
import { contexts } from './verbs/contexts';
import { describe } from './verbs/describe';
import { doctor } from './verbs/doctor';
import { drain } from './verbs/drain';
import { env } from './verbs/env';
import { events } from './verbs/events';
import { get } from './verbs/get';
import { history } from './verbs/history';
import { lab } from './verbs/lab';
import { maintenance } from './verbs/maintenance';
import { plan } from './verbs/plan';
import { repair } from './verbs/repair';
import { system } from './verbs/system';
import { task } from './verbs/task';
import { verify } from './verbs/verify';
import { wait } from './verbs/wait';
import { why } from './verbs/why';
import type { Verb } from './verb';
import type { World } from './world';

const verbs: readonly Verb[] = [
  ...[get, describe, why, history, events, system, task, backups, plan, drain, maintenance, brakes],
  ...[wait, verify, repair, lab, doctor, env, contexts],
];

const EXIT_CODES = `
Exit codes: 0 done, 1 unexpected, 2 wrong usage, 3 refused, failed or violated, 4 not signed in or
allowed, 5 gateway unreachable or not ready, 6 changed meanwhile, 7 waited too long, 8 not found,
130 interrupted.`;

/** One run: what was typed leads to words on both outputs and an exit code. */
export async function run(typed: readonly string[], world: World): Promise<ExitCode> {
  warnOfUnknownVariables(world);
  try {
    await programFor(world).parseAsync(typed, { from: 'user' });
    return exit.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.done : exit.usage;
    if (error instanceof Failure) {
      world.err(describeFailure(error));
      return error.exitCode;
    }
    world.err(`error     UNEXPECTED  ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    world.err('remedy    this is a defect of the CLI: please report it with the lines above\n');
    return exit.unexpected;
  }
}

/** A misspelt variable has no effect, which is hard to see: so it is said, whatever the verb. */
function warnOfUnknownVariables({ env, err }: World): void {
  for (const name of Object.keys(env).filter((key) => key.startsWith('HOLDFAST_') && !isKnown(key)))
    err(`warning: ${name} is not known; did you mean ${nearestKnown(name)}?\n`);
}

function programFor(world: World): Command {
  const program = new Command('holdfast')
    .description('Ask and steer a fleet of storage clusters.')
    .addOption(
      new Option('-o, --output <form>', 'how to print').choices(['table', 'wide', 'json', 'name']).default('table'),
    )
    .option('--url <url>', 'the gateway (HOLDFAST_URL, else the current context)')
    .option('--context <name>', 'a gateway known by name')
    .option('--show-request', 'print each call of the API on stderr')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.out(text),
      writeErr: (text) => world.err(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'error     USAGE  ')),
      getOutHelpWidth: () => world.columns,
      getErrHelpWidth: () => world.columns,
    })
    .showHelpAfterError('remedy    add --help, which shows how it is typed')
    .addHelpText('afterAll', EXIT_CODES);
  verbs.forEach((verb) => verb(program, world));
  return program;
}
