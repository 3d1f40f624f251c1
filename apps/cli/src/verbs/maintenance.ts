import { kindOf } from '../kinds';
import { request } from '../operations';
import type { Session } from '../session';
import { findOne, pathOf } from '../subjects';
import { parseDuration } from '../values';
import { action, examples, following, type Following, type Verb } from '../verb';

interface StartOptions extends Following {
  for: number;
  reason: string;
  drain?: boolean;
}

/** Planned work on a node: until it ends, silence there is no failure. */
export const maintenance: Verb = (program, world) => {
  const family = program.command('maintenance').description('planned work on a node, which ends by itself');

  examples(following(family.command('start <node>')), 'maintenance start alpha-1 --for 2h --reason "new disks" --drain')
    .description('no verdict about the node until then; again to change how long')
    .requiredOption('--for <duration>', 'how long, such as 2h; 24h at most', parseDuration)
    .requiredOption('--reason <text>', 'kept with the event')
    .option('--drain', 'move everything off it first')
    .action(
      action<StartOptions>(world, (session, [given = ''], options) => {
        const { for: forMs, reason, drain } = options;
        return act(session, { given, body: { action: 'start', forMs, drain: drain === true, reason } }, options);
      }),
    );

  following(family.command('end <node>'))
    .description('the work is done: the node is judged, and used, as any other')
    .action(
      action<Following>(world, (session, [given = ''], options) =>
        act(session, { given, body: { action: 'end' } }, options),
      ),
    );
};

async function act(session: Session, { given, body }: { given: string; body: object }, follow: Following) {
  const { kind, id } = await findOne(session, kindOf('node'), given);
  await request(session, { path: `${pathOf(kind, id)}/maintenance`, body }, follow);
}
