import { kindOf } from '../kinds';
import { request } from '../operations';
import type { Session } from '../session';
import { findOne, pathOf } from '../subjects';
import { action, following, type Following, type Verb } from '../verb';
import { describeSubject } from './describe';
import { showKind } from './get';

interface Reasoned extends Following {
  reason: string;
}

const parkedEvent = kindOf('parked-event');

/** Streams that stopped, and projections that tell something wrong. */
export const repair: Verb = (program, world) => {
  const parked = program.command('parked').description('streams that stopped at an event, and the ways on');
  parked
    .command('list')
    .description('what is stuck, and why')
    .action(action(world, (session) => showKind(session, parkedEvent, {})));
  parked
    .command('show <id>')
    .description('the event and its error')
    .action(
      action(world, async (session, [id = '']) => describeSubject(session, await findOne(session, parkedEvent, id))),
    );

  following(parked.command('retry <id>'))
    .description('apply it again, from the first parked event on')
    .action(
      action<Following>(world, (session, [given = ''], options) =>
        act(session, { given, verb: 'retry', body: {} }, options),
      ),
    );
  const ways = {
    skip: 'pass over the first parked event, which then never has its effect here',
    reload: "forget the stream and take all of it from its owner's store",
  };
  for (const [verb, what] of Object.entries(ways)) {
    following(parked.command(`${verb} <id>`))
      .description(what)
      .requiredOption('--reason <text>', 'kept with the event')
      .action(
        action<Reasoned>(world, (session, [given = ''], options) =>
          act(session, { given, verb, body: { reason: options.reason } }, options),
        ),
      );
  }

  following(program.command('projection').description('rows folded from the log').command('rebuild <name>'))
    .description('fold them anew, compare, and swap')
    .action(
      action<Following>(world, (session, [name = ''], options) =>
        request(session, { path: `/v1/projections/${encodeURIComponent(name)}/rebuild`, body: {} }, options),
      ),
    );
};

async function act(session: Session, ask: { given: string; verb: string; body: object }, follow: Following) {
  const { kind, id } = await findOne(session, parkedEvent, ask.given);
  await request(session, { path: `${pathOf(kind, id)}/${ask.verb}`, body: ask.body }, follow);
}
