import {
  clusterId,
  pointId,
  SystemDeletionRequested,
  systemId,
  SystemRequested,
  SystemRetirementRequested,
  volumeSpec,
  type ClusterId,
} from '@holdfast/contracts';
import { z } from 'zod';
import { Problem } from '../http/problem';
import type { Known } from '../requests/known';
import { clusterOf } from '../requests/membership';
import { act, type ActRoute } from './route';

const MIB = 2 ** 20;
const BLOCK = 4_096;
/** What every engine serves whole: a disk is cut into sectors, a file system into blocks. */
const wantedVolume = volumeSpec.extend({
  sizeBytes: z
    .int()
    .min(MIB, 'at least 1 MiB (1048576)')
    .max(16 * MIB * MIB, 'at most 16 TiB (17592186044416)')
    .multipleOf(BLOCK, `a multiple of ${BLOCK} bytes`),
});
/** New volumes, or those of a backup: it says itself how large they are, and in which cluster it lies. */
const wantedSystem = z
  .strictObject({
    systemId,
    clusterId: clusterId.optional(),
    volumes: z.array(wantedVolume).min(1).max(16).optional(),
    fromBackup: z.strictObject({ systemId, pointId }).optional(),
  })
  .superRefine(({ clusterId: home, volumes, fromBackup }, found) => {
    const fault = (field: string, message: string) => found.addIssue({ code: 'custom', path: [field], message });
    if (fromBackup && volumes) fault('volumes', 'a restored system has the volumes of its backup: leave them out');
    if (!fromBackup && !volumes) fault('volumes', 'name at least one volume, or a backup to restore');
    // A node would find out, and the next one too, until none is left that would try.
    volumes?.forEach(({ volumeId }, i) => {
      if (volumes.findIndex((other) => other.volumeId === volumeId) < i)
        found.addIssue({ code: 'custom', path: ['volumes', i, 'volumeId'], message: 'another volume has this name' });
    });
    if (!fromBackup && home === undefined) fault('clusterId', 'name the cluster that is to serve it');
  });
const perhapsBecause = z.strictObject({ reason: z.string().min(1).max(500).optional() });
const ofSystem = z.strictObject({ systemId });

type BackupName = { systemId: string; pointId: string };

async function homeOfBackup({ systemId: of, pointId: point }: BackupName, known: Known): Promise<ClusterId> {
  return (await known.backup(of, point)).clusterId as ClusterId;
}

/** A medium is mounted by one cluster's nodes alone. */
async function refuseElsewhere(backup: BackupName, wanted: string, known: Known): Promise<void> {
  const home = await homeOfBackup(backup, known);
  const name = `${backup.systemId}/${backup.pointId}`;
  if (home !== wanted)
    throw new Problem('BACKUP_ELSEWHERE', `${name} lies on the medium of ${home}, not of ${wanted}`, {
      remedy: `restore it in ${home}: leave clusterId out, or name ${home}`,
      subject: `backup/${name}`,
    });
}

export const systemRoutes: readonly ActRoute[] = [
  act('/v1/systems', {
    summary: 'Create a system: with new volumes, or restored from a backup of its cluster',
    role: 'operator',
    event: SystemRequested,
    body: wantedSystem,
    request: async ({ body }, known) => {
      const home = body.clusterId ?? (await homeOfBackup(body.fromBackup!, known));
      clusterOf(home, await known.members());
      if (body.fromBackup) await refuseElsewhere(body.fromBackup, home, known);
      return { data: { ...body, clusterId: home, volumes: body.volumes ?? [] }, partitionKey: home };
    },
  }),
  act('/v1/systems/:systemId/retire', {
    summary: 'Stop serving a system; its files stay',
    role: 'operator',
    event: SystemRetirementRequested,
    params: ofSystem,
    body: perhapsBecause,
    request: async ({ params, body }, known) => {
      const { clusterId: home } = await known.system(params.systemId);
      return { data: { ...params, ...body }, partitionKey: home };
    },
  }),
  act('/v1/systems/:systemId/delete', {
    summary: 'Delete a retired system: files, name and address',
    role: 'operator',
    event: SystemDeletionRequested,
    params: ofSystem,
    body: perhapsBecause,
    request: async ({ params, body }, known) => {
      const { clusterId: home } = await known.system(params.systemId);
      return { data: { ...params, ...body }, partitionKey: home };
    },
  }),
];
