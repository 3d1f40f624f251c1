import { z } from 'zod';
import { defineEvent, defineSample } from './define';
import { instant, milliseconds, requestId } from './ids';

/** Where a consumer of a service stands in a stream. */
const place = { service: z.string(), consumer: z.string(), stream: z.string() };
const subjects = ({ service, stream }: { service: string; stream: string }) => [
  `service/${service}`,
  `stream/${stream}`,
];

export const parkCode = z.enum([
  'HANDLER_FAILED',
  'EVENT_UNKNOWN',
  'EVENT_INVALID',
  'INVARIANT_BROKEN',
  'HISTORY_FORKED',
  'HISTORY_MISSING',
]);
export type ParkCode = z.infer<typeof parkCode>;

/** One consumer's stream stops here. Later events of this stream wait behind it; all other streams go on. */
export const EventParked = defineEvent('EventParked', {
  version: 1,
  schema: z.strictObject({
    ...place,
    version: z.int().positive(),
    eventId: z.uuid().nullable(),
    type: z.string().nullable(),
    code: parkCode,
    message: z.string(),
    attempts: z.int().nonnegative(),
  }),
  subjects,
});

/** All that was parked is applied; the stream flows. */
export const ParkedStreamResumed = defineEvent('ParkedStreamResumed', {
  version: 1,
  schema: z.strictObject({
    ...place,
    throughVersion: z.int().positive(),
    events: z.int().nonnegative(),
    parkedMs: milliseconds,
    requestId: requestId.optional(),
  }),
  subjects,
});

export const ParkedEventSkipped = defineEvent('ParkedEventSkipped', {
  version: 1,
  schema: z.strictObject({ ...place, version: z.int().positive(), reason: z.string(), requestId }),
  subjects,
});

export const ParkedStreamReloaded = defineEvent('ParkedStreamReloaded', {
  version: 1,
  schema: z.strictObject({ ...place, reason: z.string(), requestId }),
  subjects,
});

export const ParkedEventActionRejected = defineEvent('ParkedEventActionRejected', {
  version: 1,
  schema: z.strictObject({ ...place, requestId, reason: z.enum(['notParked', 'notFirst', 'forked']) }),
  subjects,
});

export const ProjectionRebuilt = defineEvent('ProjectionRebuilt', {
  version: 1,
  schema: z.strictObject({
    name: z.string(),
    requestId,
    position: z.int().nonnegative(),
    rows: z.int().nonnegative(),
    durationMs: milliseconds,
    contentHash: z.string(),
  }),
  subjects: ({ name }) => [`projection/${name}`],
});

export const ProjectionRebuildRejected = defineEvent('ProjectionRebuildRejected', {
  version: 1,
  schema: z.strictObject({ name: z.string(), requestId, reason: z.enum(['unknown', 'running']) }),
  subjects: ({ name }) => [`projection/${name}`],
});

/** How far each stream of this partition is, so that even a lost last event is missed. Key `heads`. */
export const StreamHeadsObserved = defineSample('StreamHeadsObserved', {
  version: 1,
  schema: z.strictObject({
    topic: z.string(),
    partition: z.int().nonnegative(),
    heads: z.array(z.strictObject({ stream: z.string(), version: z.int().positive(), eventId: z.uuid() })).max(500),
  }),
  subject: ({ topic, partition }) => `partition/${topic}-${partition}`,
});

/** A consumer misses versions and asks the stream's owner to send them again. */
export const ReplayRequested = defineSample('ReplayRequested', {
  version: 1,
  schema: z.strictObject({
    stream: z.string(),
    partitionKey: z.string(),
    fromVersion: z.int().positive(),
    toVersion: z.int().positive(),
    consumer: z.string(),
  }),
  subject: ({ stream }) => `stream/${stream}`,
});

export const ReplayRefused = defineSample('ReplayRefused', {
  version: 1,
  schema: z.strictObject({
    stream: z.string(),
    consumer: z.string(),
    fromVersion: z.int().positive(),
    toVersion: z.int().positive(),
    reason: z.enum(['beyondHead', 'unknown', 'pruned']),
    headVersion: z.int().nonnegative(),
  }),
  subject: ({ stream }) => `stream/${stream}`,
});

/** Every 5 s from each service. */
export const ServiceStatusObserved = defineSample('ServiceStatusObserved', {
  version: 1,
  schema: z.strictObject({
    service: z.string(),
    instanceId: z.uuid(),
    version: z.string(),
    ready: z.boolean(),
    startedAt: instant,
    checks: z.array(z.strictObject({ name: z.string(), ok: z.boolean(), detail: z.string().optional() })),
    lagEvents: z.int().nonnegative(),
    outboxOldestMs: milliseconds,
    parked: z.int().nonnegative(),
  }),
  subject: ({ service }) => `service/${service}`,
});
