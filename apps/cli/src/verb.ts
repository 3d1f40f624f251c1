import type { Command } from 'commander';
import type { FollowOptions } from './follow';
import { Session } from './session';
import type { CommonOptions } from './settings';
import { parseDuration } from './values';
import type { World } from './world';

/** Adds one verb, or a family of them, to the program. */
export type Verb = (program: Command, world: World) => void;

/** What a verb does: `given` are its arguments as typed, `options` its own and the common ones. */
export type Work<O> = (session: Session, given: string[], options: O & CommonOptions) => Promise<void>;

/** Fits a verb's work to commander, which hands over arguments, options and itself in one row. */
export function action<O = object>(world: World, work: Work<O>) {
  return async (...args: unknown[]): Promise<void> => {
    const command = args.at(-1) as Command;
    const options = command.optsWithGlobals<O & CommonOptions>();
    const given = command.processedArgs.flat().filter((value): value is string => typeof value === 'string');
    await work(new Session(world, options), given, options);
  };
}

/** The options of every verb that asks for something. */
export function following(command: Command): Command {
  return command
    .option('--wait', 'stay until it is done, or has failed')
    .option('--watch', 'as --wait, and tell every step')
    .option('--timeout <duration>', 'longest wait (default: 1 m; 1 h where bytes are moved)', parseDuration)
    .option('--idempotency-key <key>', 'repeat an earlier call under its key: it is done once at most');
}

/** How it is typed, at the end of its help. */
export function examples(command: Command, ...typed: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${typed.map((line) => `  holdfast ${line}`).join('\n')}`);
}

export type Following = FollowOptions;
