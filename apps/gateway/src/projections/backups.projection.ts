import {
  BackupDeletionConfirmed,
  BackupDeletionOrdered,
  PointConfirmed,
  SystemRegistered,
  SystemRejected,
  TaskCancelled,
  TaskCompleted,
  type Instant,
  type RequestId,
  type ScrubResult,
  type SnapshotResult,
  type VolumeSpec,
} from '@holdfast/contracts';
import { defineProjection, rulesFor } from './projection';

/** What one point of a system was copied to. All is told on the cluster's one stream, in order. */
export interface BackupRow {
  backupId: string;
  systemId: string;
  pointId: string;
  clusterId: string;
  /** The task that makes it, or has made it. */
  taskId: string;
  /** making: its point is frozen, and that is all that there is: it is not shown. */
  state: 'making' | 'ready' | 'deleting';
  /** When the point was frozen: every write acknowledged before is in it, every later one is not. */
  at: Instant;
  epoch: number | null;
  /** What its pieces hold; holes are not stored. */
  bytes: number;
  /** What its volumes hold when they are restored. */
  sizeBytes: number;
  volumes: VolumeSpec[];
  pieces: number;
  manifest: string | null;
  lastScrub: Scrub | null;
  /** The newest requests to restore it: how one of them ended is told of its system alone. */
  restoreRequests: RequestId[];
  /** A restore found it damaged, and no clean scrub has followed. */
  refusedRestore: { at: Instant; systemId: string } | null;
}

export interface Scrub {
  at: Instant;
  taskId: string;
  clean: boolean;
  damagedPieces: number;
  /** What was read is not the manifest that was made: no piece can be told good from bad. */
  manifestDiffers: boolean;
  damaged: ScrubResult['damaged'];
}

/** One that can be read about. */
export const isThere = ({ state }: BackupRow): boolean => state !== 'making';

const on = rulesFor<BackupRow>();
const ofBackup = ({ data }: { data: { systemId: string; pointId: string } }) => `${data.systemId}/${data.pointId}`;

export const backupsProjection = defineProjection<BackupRow>('backups', [
  on(PointConfirmed, ofBackup, (row, { data }, key) => {
    if (row && isThere(row)) return row;
    const { systemId, pointId, clusterId, taskId, frozenAt } = data;
    return { backupId: key, systemId, pointId, clusterId, taskId, at: frozenAt, ...unmade };
  }),
  on(TaskCompleted, ofBackup, (row, { data }) => {
    const { taskId, at, epoch, result } = data;
    if (data.kind === 'scrub') return row && scrubbed(row, result as ScrubResult, { at, taskId });
    const { volumes, pieces, bytes, manifest } = result as SnapshotResult;
    const sizeBytes = volumes.reduce((sum, volume) => sum + volume.sizeBytes, 0);
    const made = { taskId, epoch, volumes, pieces, bytes, sizeBytes, manifest, refusedRestore: null };
    return row && { ...row, ...made, state: 'ready' };
  }),
  on(
    TaskCancelled,
    ({ data }) => ({ field: 'taskId', equals: data.taskId }),
    (row) => (row && isThere(row) ? row : undefined),
  ),
  on(
    SystemRegistered,
    ({ data: { fromBackup } }) => (fromBackup ? [{ key: `${fromBackup.systemId}/${fromBackup.pointId}` }] : []),
    (row, { data: { requestId } }) =>
      row && { ...row, restoreRequests: [requestId, ...(row.restoreRequests ?? [])].slice(0, RESTORES) },
  ),
  on(
    SystemRejected,
    ({ data }) => (data.reason === 'BACKUP_DAMAGED' ? { field: 'clusterId', equals: data.clusterId } : []),
    (row, { data: { requestId, systemId, at } }) =>
      row?.restoreRequests?.includes(requestId) ? { ...row, refusedRestore: { at, systemId } } : row,
  ),
  on(BackupDeletionOrdered, ofBackup, (row) => row && { ...row, state: 'deleting' }),
  on(BackupDeletionConfirmed, ofBackup, () => undefined),
]);

/** More than are ever made of one backup at a time. */
const RESTORES = 32;

const unmade = {
  state: 'making' as const,
  epoch: null,
  bytes: 0,
  sizeBytes: 0,
  volumes: [],
  pieces: 0,
  manifest: null,
  lastScrub: null,
  restoreRequests: [],
  refusedRestore: null,
};

function scrubbed(row: BackupRow, result: ScrubResult, of: { at: Instant; taskId: string }): BackupRow {
  const { damagedPieces, damaged, manifest } = result;
  const manifestDiffers = row.manifest !== null && manifest !== row.manifest;
  const clean = damagedPieces === 0 && !manifestDiffers;
  const lastScrub = { ...of, clean, damagedPieces, damaged, manifestDiffers };
  return { ...row, lastScrub, refusedRestore: clean ? null : row.refusedRestore };
}
