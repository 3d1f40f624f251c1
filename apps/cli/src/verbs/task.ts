import type { Command } from 'commander';
import type { Row } from '../api';
import { usage } from '../failure';
import { kindOf } from '../kinds';
import { request, tookOf, type Ask } from '../operations';
import type { Session } from '../session';
import { findOne, pathOf } from '../subjects';
import { parseSize, size, text } from '../values';
import { action, examples, following, type Following, type Verb } from '../verb';
import type { World } from '../world';

interface SubmitOptions extends Following {
  system?: string;
  backup?: string;
  point?: string;
  rate?: number;
}

/** Work in the background: it survives the node that carries it. */
export const task: Verb = (program, world) => {
  const family = program.command('task').description('submit, move, cancel and retry background work');

  examples(
    following(family.command('submit <kind>')),
    'task submit snapshot --system s1 --watch',
    'task submit snapshot --system s1 --rate 1MiB -o json',
    'task submit scrub --backup s1/<pointId> --wait',
  )
    .description(
      'snapshot --system s1: a backup of it as it is now; scrub --backup s1/<pointId>: read one against itself',
    )
    .option('--system <id>', 'the system to back up')
    .option('--point <pointId>', 'name the point; or one that is still pinned, to back it up again')
    .option('--backup <system/pointId>', 'the backup to read')
    .option('--rate <size>', 'bytes read in a second at most, such as 8MiB', parseSize)
    .action(
      action<SubmitOptions>(world, async (session, [kind = ''], options) => {
        const body = { kind, ...(await subjectOf(session, kind, options)), ...rateOf(options) };
        await request(session, { path: '/v1/tasks', body, ...toldAsTask(session) }, options);
      }),
    );

  following(family.command('move <task>'))
    .description('stop it, and let another node go on from its last sealed piece')
    .option('--to <node>', 'this one; else wherever it is placed best')
    .action(
      action<Following & { to?: string }>(world, async (session, [given = ''], options) => {
        const toNodeId = options.to && (await findOne(session, kindOf('node'), options.to)).id;
        await act(session, { given, verb: 'move', body: toNodeId ? { toNodeId } : {} }, options);
      }),
    );

  simple(family, world, { verb: 'cancel', what: 'stop it for good; what it has written is removed' });
  simple(family, world, { verb: 'retry', what: 'let one that is parked be placed again' });
};

function simple(family: Command, world: World, { verb, what }: { verb: string; what: string }): void {
  following(family.command(`${verb} <task>`))
    .description(what)
    .action(
      action<Following>(world, (session, [given = ''], options) => act(session, { given, verb, body: {} }, options)),
    );
}

async function act(session: Session, ask: { given: string; verb: string; body: object }, follow: Following) {
  const { kind, id } = await findOne(session, kindOf('task'), ask.given);
  await request(session, { path: `${pathOf(kind, id)}/${ask.verb}`, body: ask.body, long: true }, follow);
}

/** What the work is about. Whether there is such a kind of work, the load-balancer judges. */
async function subjectOf(session: Session, kind: string, { system, backup, point }: SubmitOptions): Promise<object> {
  if (kind === 'scrub' && system !== undefined)
    throw usage('a scrub reads one backup, not a system', 'give --backup <system>/<pointId>: `holdfast get backups`');
  if ((system === undefined) === (backup === undefined))
    throw usage('it is not clear what to work on', 'give --system <id>, or --backup <system>/<pointId>');
  if (system !== undefined) {
    const { id } = await findOne(session, kindOf('system'), system);
    return { systemId: id, ...(point ? { pointId: point } : {}) };
  }
  if (point !== undefined) throw usage('--backup names its point already', 'leave --point out');
  const { row } = await findOne(session, kindOf('backup'), backup ?? '');
  return { systemId: row['systemId'], pointId: row['pointId'] };
}

const rateOf = ({ rate }: SubmitOptions): object => (rate === undefined ? {} : { bytesPerSec: rate });

/** Its id stands first in what a script reads; what it came to, in what a person reads. */
function toldAsTask(session: Session): Omit<Ask, 'path' | 'body'> {
  const taskIdOf = ({ subject }: Row) => text(subject).slice('task/'.length);
  return {
    long: true,
    json: (operation) => ({ taskId: taskIdOf(operation), ...operation }),
    words: async (operation) => {
      const { kind, subject, result } = await session.api.one(`/v1/tasks/${taskIdOf(operation)}`);
      const what = `${text(operation['subject'])}: ${text(kind)} of ${text(subject)}`;
      const found = (await manifestDiffers(session, text(subject), result)) ? MANIFEST_DIFFERS : resultText(result);
      return `${what} ${found} in ${tookOf(operation)}`;
    },
  };
}

/** By another manifest than was made no piece can be told good from bad: to count them says nothing. */
async function manifestDiffers(session: Session, subject: string, result: unknown): Promise<boolean> {
  const { damagedPieces, manifest } = (result ?? {}) as Row;
  if (typeof damagedPieces !== 'number' || damagedPieces === 0) return false;
  const backup = await session.api.one(`/v1/backups/${subject.slice('backup/'.length)}`);
  return backup['manifest'] !== manifest;
}
const MANIFEST_DIFFERS = 'found a manifest that is missing or not the one that was made;';

function resultText(result: unknown): string {
  const { pieces, bytes, manifest, damagedPieces, damaged } = (result ?? {}) as Row;
  if (typeof bytes === 'number')
    return `completed: ${size(bytes)} in ${text(pieces)} pieces, manifest ${text(manifest)},`;
  if (typeof damagedPieces !== 'number') return 'completed';
  if (damagedPieces === 0) return `found all ${text(pieces)} pieces clean`;
  const named = ((damaged ?? []) as Row[]).map((one) => `${text(one['volumeId'])}.${text(one['piece'])}`);
  const more = damagedPieces > named.length ? ' …' : '';
  return `found ${damagedPieces} of ${text(pieces)} pieces damaged: ${named.join(', ')}${more};`;
}
