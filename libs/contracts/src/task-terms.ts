import { z } from 'zod';
import { bytes, clusterId, epoch, instant, nodeId, pointId, systemId, taskId, volumeId } from './ids';
import { volumeSpec } from './request.events';

/* What the events about tasks have in common: kinds, causes, specs, results. */

/** Why another node gets it. */
export const moveCause = z.enum([
  'nodeDown',
  'impaired',
  'isolated',
  'drain',
  'failback',
  'rebalance',
  'notTaken',
  'declined',
  'faulted',
  'stalled',
  'operator',
]);
export const assignCause = z.enum(['admitted', 'retry', 'nodeStarted', 'kept']);
export const recallCause = z.enum([
  'retirement',
  'cancel',
  'operator',
  'drain',
  'failback',
  'rebalance',
  'impaired',
  'isolated',
  'stalled',
]);

/** `serve` never ends and is fenced by the medium; the others end, and are fenced by their attempt. */
export const taskKind = z.enum(['serve', 'snapshot', 'scrub']);
export type TaskKind = z.infer<typeof taskKind>;

/** SHA-256 in hex of a backup's canonical manifest: equal for every undisturbed or resumed run of one point. */
export const manifestHash = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in hex');

/** A finished attempt at a backup: `backups/<systemId>/<pointId>.e<epoch>/` on its cluster's medium. */
export const backupRef = z.strictObject({ systemId, pointId, epoch, manifest: manifestHash });
export type BackupRef = z.infer<typeof backupRef>;

/** Bytes that one task reads in a second, at most. */
const bytesPerSec = z.number().positive();

export const serveSpec = z.strictObject({
  systemId,
  address: z.ipv4(),
  volumes: z.array(volumeSpec).min(1),
  /** Set until the first `TaskStartConfirmed`: only then may a node make the system's folder and images. */
  create: z.boolean().optional(),
  /** With `create`: the images are filled from this backup, whose manifest and bytes are checked. */
  fromBackup: backupRef.optional(),
  /** Open tasks that read this system's points. Pins of any others are dropped when serving begins. */
  pinnedBy: z.array(taskId).max(32).optional(),
});
export type ServeSpec = z.infer<typeof serveSpec>;

/** The point is frozen and pinned when this is ordered; its files are in `chain.json`. */
export const snapshotSpec = z.strictObject({ systemId, pointId, bytesPerSec });
export type SnapshotSpec = z.infer<typeof snapshotSpec>;

export const scrubSpec = z.strictObject({ systemId, backup: backupRef, bytesPerSec });
export type ScrubSpec = z.infer<typeof scrubSpec>;

/** By the task's kind. */
export const taskSpec = z.union([serveSpec, snapshotSpec, scrubSpec]);
export type TaskSpec = z.infer<typeof taskSpec>;

export const isServeSpec = (spec: TaskSpec): spec is ServeSpec => 'address' in spec;

/** Where the attempt before stopped, as far as it was told. What is sealed on the medium may be more. */
export const resume = z.strictObject({
  fromEpoch: epoch,
  token: z.string().max(4096).nullable(),
  doneBytes: bytes,
});
export type Resume = z.infer<typeof resume>;

/** A backup is whole: `bytes` are what its pieces hold, holes left out. */
export const snapshotResult = z.strictObject({
  manifest: manifestHash,
  volumes: z.array(volumeSpec).min(1),
  pieces: z.int().nonnegative(),
  bytes,
});
export type SnapshotResult = z.infer<typeof snapshotResult>;

/** `damaged` names the first 256 in the order of the manifest; `damagedPieces` counts all. Clean: 0. */
export const scrubResult = z.strictObject({
  manifest: manifestHash,
  pieces: z.int().nonnegative(),
  damagedPieces: z.int().nonnegative(),
  damaged: z.array(z.strictObject({ volumeId, piece: z.int().nonnegative() })).max(256),
});
export type ScrubResult = z.infer<typeof scrubResult>;

export const taskResult = z.union([snapshotResult, scrubResult]);
export type TaskResult = z.infer<typeof taskResult>;

/** Why this node: the best candidates with score and load, and how many nodes each filter excluded. */
export const placement = z.strictObject({
  candidates: z
    .array(z.strictObject({ nodeId, rank: z.int().positive(), score: z.number(), load: z.number(), bound: z.number() }))
    .max(8),
  excluded: z.array(z.strictObject({ nodeId, filter: z.string() })).max(32),
});
export type Placement = z.infer<typeof placement>;

/** What a task is about: a system's next point, or one of its backups. */
export const taskSubjectOf = (kind: TaskKind, of: { systemId: string; pointId?: string | undefined }): string =>
  kind === 'scrub' ? `backup/${of.systemId}/${of.pointId}` : `system/${of.systemId}`;

/** What every event about a task carries. */
export const ofTask = { clusterId, taskId, kind: taskKind, subject: z.string(), at: instant };

/** A task belongs to what it works on too, so that the story of a system or a backup holds it. */
export const taskSubjects = ({
  taskId,
  subject,
  nodeId,
}: {
  taskId: string;
  subject: string;
  nodeId?: string | undefined;
}) => [`task/${taskId}`, subject, ...(nodeId ? [`node/${nodeId}`] : [])];
