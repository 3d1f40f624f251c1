import { AS_OF } from '../as-of';
import { kindOf } from '../kinds';
import { request } from '../operations';
import { findOne, pathOf } from '../subjects';
import { action, following, type Following, type Verb } from '../verb';
import { describeSubject } from './describe';
import { showKind } from './get';

const backup = kindOf('backup');

/** What snapshots made. `system create --from-backup` restores one. */
export const backups: Verb = (program, world) => {
  const family = program.command('backups').description('list, describe and delete backups');
  family
    .command('list [system]')
    .description('of all systems, or of one')
    .option(...AS_OF)
    .action(action(world, (session, [system]) => showKind(session, backup, system ? { system } : {})));
  family
    .command('describe <system/pointId>')
    .description('size, age, the last scrub, and whether it can be restored')
    .action(
      action(world, async (session, [given = '']) => describeSubject(session, await findOne(session, backup, given))),
    );
  following(family.command('delete <system/pointId>'))
    .description('take it off the medium; refused while a task refers to it')
    .action(
      action<Following>(world, async (session, [given = ''], options) => {
        const { kind, id } = await findOne(session, backup, given);
        await request(session, { path: `${pathOf(kind, id)}/delete`, body: {} }, options);
      }),
    );
};
