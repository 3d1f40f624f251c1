import { z } from 'zod';

/** Names of clusters and nodes: given by whoever registers them. */
const name = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'a lower-case letter, then up to 39 letters, digits or dashes');

export const clusterId = name.brand<'ClusterId'>();
export type ClusterId = z.infer<typeof clusterId>;

export const nodeId = name.brand<'NodeId'>();
export type NodeId = z.infer<typeof nodeId>;

/**
 * A system's id is the name given to it, and of its folder on the medium: the backups of all systems, and what peers
 * probe, lie beside it. The prefixes are those of other streams on the same topics.
 */
export const systemId = name
  .refine((id) => !/^(orders|plan|stream)-/.test(id), 'may not begin with orders-, plan- or stream-')
  .refine((id) => id !== 'backups' && id !== 'probes', 'the names backups and probes are taken on the medium')
  .brand<'SystemId'>();
export type SystemId = z.infer<typeof systemId>;

/** `probe` is the name of the export on which a served address tests itself. */
export const volumeId = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,15}$/, 'a lower-case letter, then up to 15 letters, digits or dashes')
  .refine((id) => id !== 'probe', 'the name probe is taken by the self-test')
  .brand<'VolumeId'>();
export type VolumeId = z.infer<typeof volumeId>;

export const taskId = z.string().min(1).max(80).brand<'TaskId'>();
export type TaskId = z.infer<typeof taskId>;

const SERVE = 'serve-';

/** The serve task of a system. */
export const serveTaskOf = (system: SystemId): TaskId => `${SERVE}${system}` as TaskId;

/** Its inverse; undefined for a task of another kind. */
export const systemOfServeTask = (task: string): SystemId | undefined =>
  task.startsWith(SERVE) ? (task.slice(SERVE.length) as SystemId) : undefined;

/** An instant over all volumes of a system, and the name of the backup made of it. */
export const pointId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'up to 40 lower-case letters, digits or dashes')
  .brand<'PointId'>();
export type PointId = z.infer<typeof pointId>;

export const requestId = z.uuid().brand<'RequestId'>();
export type RequestId = z.infer<typeof requestId>;

/** The task that a request asks for, and the point that it freezes unless one is named. */
export const taskOfRequest = (request: string): TaskId => `t-${shortOf(request)}` as TaskId;
export const pointOfRequest = (request: string): PointId => `p-${shortOf(request)}` as PointId;
const shortOf = (uuid: string) => uuid.replaceAll('-', '').slice(-12);

export const tokenId = z.uuid().brand<'TokenId'>();
export type TokenId = z.infer<typeof tokenId>;

/** One start of an agent. */
export const incarnation = z.uuid().brand<'Incarnation'>();
export type Incarnation = z.infer<typeof incarnation>;

/** One journal of an agent: a node whose journal was lost speaks on a new stream. */
export const journalId = z.uuid().brand<'JournalId'>();
export type JournalId = z.infer<typeof journalId>;

/** ISO 8601 in UTC, to the millisecond or the microsecond. */
export const instant = z.iso.datetime();
export type Instant = z.infer<typeof instant>;

/** The number that fences all earlier owners of the same thing: 1, 2, 3 … */
export const epoch = z.int().positive();

export const bytes = z.int().nonnegative();
export const milliseconds = z.number().nonnegative();

/** What an event or an operation is about: `kind/id`. */
export const subject = z.string().regex(/^[a-z-]+\/.+$/, 'kind/id');
export type Subject = z.infer<typeof subject>;
