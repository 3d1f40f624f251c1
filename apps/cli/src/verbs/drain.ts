import { Option, type Command } from 'commander';
import { kindOf } from '../kinds';
import { request } from '../operations';
import { findOne, pathOf } from '../subjects';
import { parseDuration } from '../values';
import { action, examples, following, type Following, type Verb } from '../verb';

export interface DrainOptions extends Following {
  deadline: number;
  force?: boolean;
}

interface PlannedOptions extends Following {
  plan?: string;
}

const TEN_MINUTES_MS = 600_000;

/** Emptying nodes and levelling clusters, by a plan that was read before or without one. */
export const drain: Verb = (program, world) => {
  examples(
    drainOptions(following(program.command('drain <node>'))),
    'plan drain alpha-1',
    'drain alpha-1 --plan <digest> --watch',
    'drain alpha-1 --deadline 5m --force',
    'drain alpha-1 --stop',
  )
    .description('move everything off a node, clients last; it stays empty until --stop')
    .option('--plan <digest>', 'only if the plan is still this one')
    .option('--stop', 'end the drain: the node is used again')
    .action(
      action<DrainOptions & PlannedOptions & { stop?: boolean }>(world, async (session, [given = ''], options) => {
        const { kind, id } = await findOne(session, kindOf('node'), given);
        const body = options.stop ? { action: 'stop' } : { ...drainBody(options), ...planOf(options) };
        await request(session, { path: `${pathOf(kind, id)}/drain`, body, long: true }, options);
      }),
    );

  following(program.command('rebalance <cluster>'))
    .description('move background work from full nodes to emptier ones; systems stay where they are')
    .option('--plan <digest>', 'only if the plan is still this one')
    .action(
      action<PlannedOptions>(world, async (session, [given = ''], options) => {
        const { kind, id } = await findOne(session, kindOf('cluster'), given);
        await request(session, { path: `${pathOf(kind, id)}/rebalance`, body: planOf(options), long: true }, options);
      }),
    );
};

export function drainOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--deadline <duration>', 'when it is overdue')
        .argParser(parseDuration)
        .default(TEN_MINUTES_MS, '10 m'),
    )
    .option('--force', 'move at the deadline what is left, all the same');
}

export function drainBody({ deadline, force }: DrainOptions) {
  return { action: 'start', deadlineMs: deadline, force: force === true };
}

/** A plan is that of its deadline, too: by then some work ends by itself. */
export function drainFlags({ deadline, force }: DrainOptions): string {
  return (deadline === TEN_MINUTES_MS ? '' : ` --deadline ${deadline}ms`) + (force ? ' --force' : '');
}

const planOf = ({ plan }: PlannedOptions): object => (plan === undefined ? {} : { planDigest: plan });
