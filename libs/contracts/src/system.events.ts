import { z } from 'zod';
import { defineEvent } from './define';
import { clusterId, epoch, instant, nodeId, requestId, systemId } from './ids';
import { volumeSpec } from './request.events';
import { assignCause, backupRef, moveCause } from './task-terms';

/* system-<systemId>: who owns it, over all clusters. */

const systemSubjects = ({ systemId }: { systemId: string }) => [`system/${systemId}`];

export const systemRefusal = z.enum([
  'NAME_TAKEN',
  'ADDRESS_TAKEN',
  'ADDRESS_EXHAUSTED',
  'NO_NODE',
  'NO_SPACE',
  'MEDIUM_INVALID',
  'UNKNOWN_CLUSTER',
  'UNKNOWN_BACKUP',
  'BACKUP_ELSEWHERE',
  'BACKUP_DAMAGED',
]);

/** The system exists: its name, address and volumes are its own until it is retired and deleted. */
export const SystemRegistered = defineEvent('SystemRegistered', {
  version: 1,
  schema: z.strictObject({
    systemId,
    clusterId,
    address: z.ipv4(),
    volumes: z.array(volumeSpec),
    /** It is filled from this backup when it is created. */
    fromBackup: backupRef.optional(),
    requestId,
    at: instant,
  }),
  subjects: ({ systemId, clusterId }) => [`system/${systemId}`, `cluster/${clusterId}`],
});

/** Refused, or its creation failed: nothing of it is left. */
export const SystemRejected = defineEvent('SystemRejected', {
  version: 1,
  schema: z.strictObject({ systemId, clusterId, reason: systemRefusal, requestId, at: instant }),
  subjects: systemSubjects,
});

export const SystemRetirementRejected = defineEvent('SystemRetirementRejected', {
  version: 1,
  schema: z.strictObject({ systemId, requestId, reason: z.enum(['UNKNOWN', 'RESERVED']), at: instant }),
  subjects: systemSubjects,
});

export const SystemDeletionRejected = defineEvent('SystemDeletionRejected', {
  version: 1,
  schema: z.strictObject({ systemId, requestId, reason: z.enum(['UNKNOWN', 'NOT_RETIRED', 'RESERVED']), at: instant }),
  subjects: systemSubjects,
});

/** Its retirement has begun: no grant from now on. */
export const SystemRetirementStarted = defineEvent('SystemRetirementStarted', {
  version: 1,
  schema: z.strictObject({ systemId, clusterId, requestId, at: instant }),
  subjects: systemSubjects,
});

/** No longer served; its files, name and address are kept. */
export const SystemRetired = defineEvent('SystemRetired', {
  version: 1,
  schema: z.strictObject({ systemId, clusterId, at: instant }),
  subjects: systemSubjects,
});

/** Its deletion has begun: the files are going. */
export const SystemDeletionStarted = defineEvent('SystemDeletionStarted', {
  version: 1,
  schema: z.strictObject({ systemId, clusterId, epoch, requestId, at: instant }),
  subjects: systemSubjects,
});

/** Files, name and address are free. The name, used again, goes on counting epochs. */
export const SystemDeleted = defineEvent('SystemDeleted', {
  version: 1,
  schema: z.strictObject({ systemId, clusterId, at: instant }),
  subjects: systemSubjects,
});

/** This node, and no other, may serve the system at this epoch. Committed with the order that says so. */
export const SystemServeGranted = defineEvent('SystemServeGranted', {
  version: 1,
  schema: z.strictObject({
    systemId,
    clusterId,
    nodeId,
    epoch,
    cause: z.union([moveCause, assignCause]),
    operationId: requestId.optional(),
    at: instant,
  }),
  subjects: ({ systemId, nodeId }) => [`system/${systemId}`, `node/${nodeId}`],
});

/** This node, and no other, may take the system's files away at this epoch. Committed with the order that says so. */
export const SystemRemovalGranted = defineEvent('SystemRemovalGranted', {
  version: 1,
  schema: z.strictObject({
    systemId,
    clusterId,
    nodeId,
    epoch,
    cause: z.enum(['deletion', 'creationFailed']),
    at: instant,
  }),
  subjects: ({ systemId, nodeId }) => [`system/${systemId}`, `node/${nodeId}`],
});
