import type {
  BackupDeletionConfirmed,
  BackupDeletionOrdered,
  BackupRef,
  EventsOf,
  Instant,
  NodeId,
  PointId,
  SystemId,
  TaskCompleted,
  TaskId,
  VolumeSpec,
} from '@holdfast/contracts';
import { lookUp, valuesOf, withoutKey, withValue } from './persistent-map';
import type { RoutingTable } from './routing-table';
import { isServe } from './task';

/** A whole backup on the cluster's medium: the attempt whose epoch `TaskCompleted` named. */
export interface Backup extends BackupRef {
  readonly volumes: readonly VolumeSpec[];
  readonly bytes: number;
  readonly at: Instant;
  readonly lastScrub: { readonly at: Instant; readonly damagedPieces: number } | null;
  /** Who was told last to take it away, and when. */
  readonly deletion: { readonly nodeId: NodeId; readonly since: Instant } | null;
}

export type BackupEvent = EventsOf<[typeof BackupDeletionOrdered, typeof BackupDeletionConfirmed]>;

export interface BackupName {
  readonly systemId: SystemId;
  readonly pointId: PointId;
}

export const nameOf = ({ systemId, pointId }: BackupName) => `${systemId}/${pointId}`;
export const refOf = ({ systemId, pointId, epoch, manifest }: Backup): BackupRef => ({
  ...{ systemId, pointId, epoch, manifest },
});

/** One that may be read: what is on its way out is nobody's source any more. */
export function backupOf({ backups }: Pick<RoutingTable, 'backups'>, name: BackupName): Backup | undefined {
  const backup = lookUp(backups, nameOf(name));
  return backup?.deletion ? undefined : backup;
}

/** The open task that refers to it: a scrub, or the creation of a system from it. */
export function userOf({ tasks }: RoutingTable, name: BackupName): TaskId | undefined {
  const reads = (ref: BackupRef | undefined) => ref !== undefined && nameOf(ref) === nameOf(name);
  return valuesOf(tasks).find((task) => {
    if (isServe(task)) return !task.created && reads(task.spec.fromBackup);
    return task.kind === 'scrub' && reads(task.spec.backup);
  })?.taskId;
}

export function backupsAfter(backups: RoutingTable['backups'], { type, data }: BackupEvent): RoutingTable['backups'] {
  const backup = lookUp(backups, nameOf(data));
  if (!backup) return backups;
  if (type === 'BackupDeletionOrdered') {
    const { nodeId, at } = data;
    return withValue(backups, nameOf(data), { ...backup, deletion: { nodeId, since: at } });
  }
  return withoutKey(backups, nameOf(data));
}

/** A snapshot makes a backup, a scrub tells how one is. */
export function backupsWith(
  backups: RoutingTable['backups'],
  { data }: EventsOf<[typeof TaskCompleted]>,
): RoutingTable['backups'] {
  const { systemId, pointId, epoch, result, at } = data;
  const name = nameOf(data);
  if ('volumes' in result) {
    const { manifest, volumes, bytes } = result;
    const whole = { systemId, pointId, epoch, manifest, volumes, bytes, at, lastScrub: null, deletion: null };
    return withValue<Backup>(backups, name, whole);
  }
  const read = lookUp(backups, name);
  return read ? withValue(backups, name, { ...read, lastScrub: { at, damagedPieces: result.damagedPieces } }) : backups;
}
