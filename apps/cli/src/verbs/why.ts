import type { Row } from '../api';
import { findSubject, pathOf } from '../subjects';
import { labelled } from '../table';
import { text } from '../values';
import { action, examples, type Verb } from '../verb';
import { eventTable } from './events';

export const why: Verb = (program, world) => {
  examples(
    program.command('why <subject>'),
    'why system/s1',
    'why node/alpha-1',
    'why task/t-1b7b26c09888',
    'why cluster/alpha',
  )
    .description('the event that decided, what it saw, and what it rejected by which rule')
    .action(
      action(world, async (session, [given = '']) => {
        const { kind, id } = await findSubject(session, given);
        const answer = await session.api.one(`${pathOf(kind, id)}/why`);
        if (session.asJson) return session.json(answer);
        session.line(text(answer['headline']));
        const lines = (answer['lines'] ?? []) as Row[];
        session.world.out(
          labelled(
            session.world,
            lines.map(({ label, text: told }) => [text(label), text(told)]),
          ),
        );
        const chain = (answer['chain'] ?? []) as Row[];
        if (session.options.output === 'wide' && chain.length > 0) {
          session.world.out(`\nwhat led to it\n${eventTable(session, chain)}`);
        }
      }),
    );
};
