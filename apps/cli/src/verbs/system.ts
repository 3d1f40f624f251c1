import { Option } from 'commander';
import { usage } from '../failure';
import { kindOf } from '../kinds';
import { request } from '../operations';
import type { Session } from '../session';
import { findOne, pathOf } from '../subjects';
import { parseSize } from '../values';
import { action, examples, following, type Following, type Verb } from '../verb';

interface CreateOptions extends Following {
  cluster?: string;
  fromBackup?: string;
  volume: string[];
  volumes?: string;
  size?: string;
}

const MOST_VOLUMES = 16;

export const system: Verb = (program, world) => {
  const family = program.command('system').description('create, retire and delete systems');

  examples(
    following(family.command('create <name>')),
    'system create db --cluster alpha --volumes 2 --size 64MiB --wait',
    'system create db --cluster alpha --volume data=1GiB --volume log=64MiB',
    'system create db-copy --from-backup db/<pointId> --watch',
  )
    .description('a new system: --volume a=64MiB, again for each volume, or --volumes 2 --size 64MiB, or --from-backup')
    .option('--cluster <id>', 'the cluster that serves it; left out: that of its backup')
    .addOption(
      new Option('--volume <name=size>', 'one volume; may be repeated')
        .argParser((one: string, all: string[]) => [...all, one])
        .default([], 'none'),
    )
    .option('--volumes <count>', 'so many volumes, named v1, v2 …')
    .option('--size <size>', 'of each of them')
    .option('--from-backup <system/pointId>', 'filled from this backup, which says what volumes it has')
    .action(
      action<CreateOptions>(world, async (session, [systemId = ''], options) => {
        const body = { systemId, ...(await contentOf(session, options)) };
        await request(session, { path: '/v1/systems', body, long: options.fromBackup !== undefined }, options);
      }),
    );

  following(family.command('retire <system>'))
    .description('stop serving it; its files stay')
    .action(
      action<Following>(world, (session, [given = ''], options) => act(session, { given, verb: 'retire' }, options)),
    );

  following(family.command('delete <system>'))
    .description('remove the files of a retired system; frees its name and address')
    .action(
      action<Following>(world, (session, [given = ''], options) => act(session, { given, verb: 'delete' }, options)),
    );
};

async function act(session: Session, { given, verb }: { given: string; verb: string }, follow: Following) {
  const { kind, id } = await findOne(session, kindOf('system'), given);
  await request(session, { path: `${pathOf(kind, id)}/${verb}`, body: {} }, follow);
}

/** Empty volumes in a cluster, or those of a backup where it lies. */
async function contentOf(session: Session, options: CreateOptions): Promise<object> {
  const { cluster: clusterId, fromBackup } = options;
  if (fromBackup === undefined) {
    if (clusterId === undefined) throw usage('it is not clear who serves it', 'give --cluster <id>');
    return { clusterId, volumes: volumesOf(options) };
  }
  if (options.volume.length > 0 || options.volumes !== undefined || options.size !== undefined)
    throw usage('a backup says itself what volumes it has', 'leave --volume, --volumes and --size out');
  const { row } = await findOne(session, kindOf('backup'), fromBackup);
  const { systemId, pointId } = row;
  return { ...(clusterId ? { clusterId } : {}), fromBackup: { systemId, pointId } };
}

export function volumesOf({ volume, volumes, size }: Pick<CreateOptions, 'volume' | 'volumes' | 'size'>) {
  if (volume.length > 0 && volumes === undefined && size === undefined) return volume.map(namedVolume);
  if (volume.length === 0 && volumes !== undefined && size !== undefined) {
    const count = Number(volumes);
    if (!Number.isInteger(count) || count < 1 || count > MOST_VOLUMES)
      throw usage(`${volumes} volumes cannot be made`, `ask for 1 to ${MOST_VOLUMES}`);
    const sizeBytes = parseSize(size);
    return Array.from({ length: count }, (_, i) => ({ volumeId: `v${i + 1}`, sizeBytes }));
  }
  throw usage('the volumes are not clear', 'give --volume a=64MiB for each volume, or --volumes 2 --size 64MiB');
}

function namedVolume(given: string) {
  const [volumeId = '', size = ''] = given.split('=', 2);
  if (!volumeId || !size) throw usage(`${given} is no volume`, 'write it as name=size, such as a=64MiB');
  return { volumeId, sizeBytes: parseSize(size) };
}
