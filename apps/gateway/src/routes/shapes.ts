import { nodeStatus, role, taskKind, taskResult, volumeSpec } from '@holdfast/contracts';
import { z } from 'zod';
import { operationStates } from '../projections/operation';
import { taskStates } from '../projections/tasks.projection';
import { clusterVerdict } from '../views/cluster.view';

/** What the API answers with. Unknown is null, never 0. */
const text = z.string();
const maybe = z.string().nullable();
const number = z.number().nullable();

export const asOf = z.object({ position: z.int(), at: maybe, ageMs: number, broken: z.array(text) });

/** A list from a projection; `cursor` is there while more follows. */
export const listOf = (item: z.ZodObject) =>
  z.object({ items: z.array(item.partial()), asOf, cursor: text.optional() });

/** What something was from one position to the next; `toPosition` null: it is so. `body` null: there was none. */
export const state = z.object({
  fromPosition: z.int(),
  toPosition: number,
  at: text,
  body: z.looseObject({}).nullable(),
});

export const event = z.object({
  position: z.int(),
  knownAt: text,
  topic: text,
  stream: text,
  version: z.int(),
  id: text,
  at: text,
  type: text,
  data: z.looseObject({}),
  correlationId: maybe,
  causationId: maybe,
});

export const reason = z.object({ code: text, text, remedy: text });

export const operation = z.object({
  id: text,
  kind: text,
  subject: text,
  state: z.enum(operationStates),
  phase: maybe,
  progress: z
    .object({
      done: z.number(),
      total: number,
      unit: z.enum(['bytes', 'tasks']),
      perSec: number,
      etaSec: z.object({ p50: z.number(), p90: z.number() }).nullable(),
    })
    .nullable(),
  verdict: z.null(),
  pointOfNoReturn: z.null(),
  actions: z.array(z.object({ verb: text, allowed: z.boolean(), why: text })),
  reason: reason.nullable(),
  result: z
    .looseObject({})
    .nullable()
    .describe('What came of it: of a task its result, of a restore the manifest, of a plan the plan itself'),
  startedAt: text,
  endedAt: maybe,
  links: z.object({ self: text, subject: maybe, plan: maybe, events: text, trace: maybe }),
});

export const node = z.object({
  nodeId: text,
  clusterId: maybe,
  zone: maybe,
  dataAddress: maybe,
  status: nodeStatus,
  since: maybe,
  lastHeartbeatAt: maybe,
  silentMs: number,
  suspicion: number,
  incarnation: maybe,
  engine: z.object({ version: maybe, state: maybe, qmpMs: number }),
  media: z.array(z.object({ mediaId: text, state: text, freeBytes: z.number() })),
  load: z.object({ iops: z.number(), bytesPerSec: z.number(), cpuPercent: z.number() }).nullable(),
  watchdogAlive: z.boolean().nullable(),
  capacity: z.object({ bytesPerSec: z.number() }).nullable(),
  placement: z.object({
    state: text,
    cause: maybe,
    budget: number.describe('Bytes per second that background work may cost here'),
    load: z.number().describe('Bytes per second that it costs'),
    tasks: z.int(),
    systems: z.int(),
    holdUntil: maybe,
  }),
  impairment: z.object({ part: text, code: text }).nullable(),
  withheld: z.object({ verdict: text, brake: text, at: text.optional() }).nullable(),
  maintenance: z.object({ until: text, since: text, reason: text, by: text, drain: z.boolean() }).nullable(),
  drain: z
    .object({
      state: z.enum(['draining', 'overdue', 'drained']),
      since: text,
      deadlineAt: text,
      force: z.boolean(),
      by: text,
      total: z.int(),
      left: z.array(text),
    })
    .nullable(),
});

export const cluster = z.object({
  clusterId: text,
  name: maybe,
  addressRanges: z.array(text),
  verdict: clusterVerdict,
  sight: z.object({ state: text, cause: maybe, since: maybe }),
  frozen: z.object({ cause: text, lateNodeIds: z.array(text), limit: z.int(), since: text, remedy: text }).nullable(),
  heldBy: maybe,
  placementHeldBy: z.array(text),
  rebalance: z.object({ by: text, since: text, maxOverFair: z.number() }).nullable(),
  nodes: z.int(),
  nodesByStatus: z.record(z.string(), z.int()),
});

export const system = z.object({
  systemId: text,
  clusterId: maybe,
  nodeId: maybe,
  epoch: number,
  address: maybe,
  fromBackup: z.object({ systemId: text, pointId: text }).nullable(),
  exports: z.array(z.object({ volumeId: text, uri: text })),
  volumes: z.array(volumeSpec),
  serving: z.object({
    state: z.enum(['pending', 'creating', 'starting', 'served', 'waiting', 'unserved', 'retired']),
    since: maybe,
    reason: maybe,
  }),
  reservation: z.null(),
});

export const task = z.object({
  taskId: text,
  clusterId: text,
  kind: taskKind,
  subject: text,
  systemId: text,
  pointId: maybe,
  nodeId: maybe,
  epoch: number,
  state: z.enum(taskStates),
  since: text,
  reason: maybe,
  doneBytes: number,
  totalBytes: number,
  bytesPerSec: number,
  checkpoint: z.object({ at: text, epoch: z.int(), doneBytes: z.number(), token: maybe }).nullable(),
  lastOwners: z.array(text),
  result: taskResult.nullable(),
  toldAt: text,
});

export const backup = z.object({
  backupId: text.describe('<systemId>/<pointId>'),
  systemId: text,
  pointId: text,
  clusterId: text,
  taskId: text,
  state: z.enum(['ready', 'deleting']),
  at: text.describe('When its point was frozen: what was acknowledged before is in it, nothing later is'),
  epoch: number,
  bytes: z.number().describe('What its pieces hold; holes are not stored'),
  sizeBytes: z.number(),
  volumes: z.array(volumeSpec),
  pieces: z.int(),
  manifest: maybe,
  lastScrub: z
    .object({
      at: text,
      taskId: text,
      clean: z.boolean(),
      damagedPieces: z.int(),
      damaged: z.array(z.object({ volumeId: text, piece: z.int() })),
      manifestDiffers: z.boolean(),
    })
    .nullable(),
  refusedRestore: z
    .object({ at: text, systemId: text })
    .nullable()
    .describe('A restore found it damaged, and no clean scrub has followed'),
  restorable: z.boolean(),
  reason: maybe.describe('Why it cannot be restored'),
});

export const why = z.object({
  subject: text,
  headline: text,
  lines: z.array(z.object({ label: text, text })),
  chain: z.array(event),
});

export const service = z.object({
  service: text,
  instanceId: maybe,
  version: maybe,
  ready: z.boolean().nullable(),
  startedAt: maybe,
  checks: z.array(z.object({ name: text, ok: z.boolean(), detail: text.optional() })),
  lagEvents: number,
  outboxOldestMs: number,
  parked: number,
  heardAt: maybe,
  silentMs: number,
});

export const parked = z.object({
  parkedId: text,
  at: z.enum(['service', 'agent']),
  service: text,
  consumer: text,
  nodeId: maybe,
  stream: text,
  version: z.int(),
  eventId: maybe,
  type: maybe,
  code: text,
  message: text,
  attempts: number,
  parkedAt: text,
});

export const rawRecord = z.object({
  from: z.enum(['inbox', 'feed']),
  headers: z.record(text, text),
  valueBase64: maybe,
});

export const projection = z.object({
  name: text,
  position: z.int(),
  lagEvents: z.int(),
  ageMs: z.number(),
  rows: z.int(),
  state: z.enum(['following', 'broken']),
  error: maybe,
});

export const automation = z.object({ scope: text, halted: z.boolean(), reason: maybe, since: text, by: text });

export const token = z.object({
  tokenId: text,
  role,
  label: text,
  issuedAt: text,
  issuedBy: text,
  expiresAt: maybe,
  revokedAt: maybe,
  denied: z.int(),
});

export const problem = z.object({
  type: text,
  title: text,
  status: z.int(),
  detail: text,
  code: text,
  remedy: text,
  subject: text.optional(),
  traceId: text,
  requestId: text.optional(),
  errors: z.array(z.object({ pointer: text, message: text })).optional(),
});

/** The answer to every POST. A token's secret comes with its first answer alone. */
export const accepted = z.object({ operation, token: maybe.optional() });
