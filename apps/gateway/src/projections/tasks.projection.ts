import {
  PointConfirmed,
  PointOrdered,
  TaskAdmitted,
  TaskAssigned,
  TaskCancelled,
  TaskCompleted,
  TaskDeferred,
  TaskHeld,
  TaskMoved,
  TaskParked,
  TaskRecalled,
  TaskReopened,
  TaskRetryScheduled,
  TasksCheckpointed,
  TaskStalled,
  TaskStartConfirmed,
  type EventOf,
  type Instant,
  type TaskKind,
  type TaskResult,
  type TaskSpec,
} from '@holdfast/contracts';
import { defineProjection, rulesFor, type Endless } from './projection';

export const taskStates = [
  'pending',
  'freezing',
  'assigned',
  'held',
  'running',
  'stopping',
  'retrying',
  'parked',
  'completed',
  'cancelled',
] as const;
type TaskState = (typeof taskStates)[number];

/** All is told on the cluster's one stream, in order. */
export interface TaskRow {
  taskId: string;
  clusterId: string;
  kind: TaskKind;
  subject: string;
  systemId: string;
  /** The point that a snapshot copies, or a scrub reads the copy of. */
  pointId: string | null;
  nodeId: string | null;
  epoch: number | null;
  state: TaskState;
  since: Instant;
  reason: string | null;
  doneBytes: number | null;
  totalBytes: number | null;
  /** A rate is a sample's: no event tells it, and no past has it. */
  bytesPerSec: null;
  /** Sealed on the medium and told: the next owner goes on from there at least. */
  checkpoint: { at: Instant; epoch: number; doneBytes: number; token: string | null } | null;
  lastOwners: string[];
  result: TaskResult | null;
  /** When anything was last told of it: progress too. */
  toldAt: Instant;
}

const LAST_OWNERS = 5;
const on = rulesFor<TaskRow>();
const ofTask = ({ data }: { data: { taskId: string } }) => data.taskId;

type Change = Partial<Omit<TaskRow, 'state' | 'since' | 'toldAt'>>;

function becomes(row: TaskRow | undefined, state: TaskState, { at, ...change }: Change & { at: Instant }) {
  return row && { ...row, reason: null, ...change, state, since: row.state === state ? row.since : at, toldAt: at };
}

/** On no node any more. Who had it stands in `lastOwners`. */
function leavesNode(row: TaskRow | undefined, state: TaskState, { at, ...change }: Change & { at: Instant }) {
  return becomes(row, state, { at, nodeId: null, ...change });
}

function ordered(row: TaskRow | undefined, { data }: EventOf<typeof TaskAssigned> | EventOf<typeof TaskMoved>) {
  if (!row) return row;
  const { nodeId, epoch, at, cause } = data;
  // An agent that started anew is offered what it carries already.
  const goesOn = row.state === 'running' && row.epoch === epoch;
  const lastOwners = [nodeId, ...row.lastOwners.filter((owner) => owner !== nodeId)].slice(0, LAST_OWNERS);
  return becomes(row, goesOn ? 'running' : 'assigned', { at, reason: cause, nodeId, epoch, lastOwners });
}

function checkpointed(row: TaskRow | undefined, { data }: EventOf<typeof TasksCheckpointed>, key: string) {
  const item = data.items.find(({ taskId }) => taskId === key);
  if (!row || !item) return row;
  const { epoch, token, doneBytes, totalBytes } = item;
  return { ...row, doneBytes, totalBytes, checkpoint: { at: data.at, epoch, doneBytes, token }, toldAt: data.at };
}

function pointOf(spec: TaskSpec): string | null {
  if ('backup' in spec) return spec.backup.pointId;
  return 'pointId' in spec ? spec.pointId : null;
}

/** `serve` tasks are the systems' own: they are shown when asked for. How far a task is, a sample may know better. */
export const taskList: Endless = {
  by: 'taskId',
  sort: 'taskId',
  filter: 'state',
  omits: { field: 'kind', equals: 'serve' },
  plain: ['taskId', 'clusterId', 'kind', 'subject', 'systemId', 'pointId', 'nodeId', 'state', 'since', 'toldAt'],
};

const rules = [
  on(TaskAdmitted, ofTask, (_row, { data: { taskId, clusterId, kind, subject, spec, at } }) => ({
    taskId,
    clusterId,
    kind,
    subject,
    systemId: spec.systemId,
    pointId: pointOf(spec),
    nodeId: null,
    epoch: null,
    state: 'pending',
    since: at,
    reason: null,
    doneBytes: null,
    totalBytes: null,
    bytesPerSec: null,
    checkpoint: null,
    lastOwners: [],
    result: null,
    toldAt: at,
  })),
  on(PointOrdered, ofTask, (row, { data: { nodeId, pointId, at } }) =>
    leavesNode(row, 'freezing', { at, reason: `${nodeId} is to freeze ${pointId}` }),
  ),
  on(PointConfirmed, ofTask, (row, { data: { at } }) => becomes(row, 'pending', { at })),
  on(TaskAssigned, ofTask, ordered),
  on(TaskMoved, ofTask, ordered),
  on(TaskStartConfirmed, ofTask, (row, { data: { at } }) => becomes(row, 'running', { at })),
  on(TaskHeld, ofTask, (row, { data }) => becomes(row, 'held', { at: data.at, reason: `waits for ${data.waitsFor}` })),
  on(TasksCheckpointed, ({ data }) => data.items.map(({ taskId }) => ({ key: taskId })), checkpointed),
  on(TaskStalled, ofTask, (row, { data }) => {
    const reason = `no progress for ${Math.round(data.forMs / 1_000)} s`;
    return row && { ...row, reason, toldAt: data.at };
  }),
  on(TaskRecalled, ofTask, (row, { data }) => becomes(row, 'stopping', { at: data.at, reason: data.cause })),
  on(TaskDeferred, ofTask, (row, { data }) => {
    const told = { at: data.at, reason: `no node now: ${countsOf(data.blockedBy)}` };
    // A system is served on by the node that has it, until another can take it.
    const isKept = data.kind === 'serve' && row?.state === 'running';
    return isKept ? becomes(row, 'running', told) : leavesNode(row, 'pending', told);
  }),
  on(TaskRetryScheduled, ofTask, (row, { data: { at, code, notBefore } }) =>
    leavesNode(row, 'retrying', { at, reason: `${code}, not before ${notBefore}` }),
  ),
  on(TaskParked, ofTask, (row, { data }) =>
    leavesNode(row, 'parked', { at: data.at, reason: `${data.reason} after ${data.attempts} attempts` }),
  ),
  on(TaskReopened, ofTask, (row, { data }) => leavesNode(row, 'pending', { at: data.at })),
  on(TaskCompleted, ofTask, (row, { data: { at, nodeId, epoch, result, doneBytes } }) =>
    becomes(row, 'completed', { at, nodeId, epoch, result, doneBytes, totalBytes: row?.totalBytes ?? doneBytes }),
  ),
  on(TaskCancelled, ofTask, (row, { data }) => leavesNode(row, 'cancelled', { at: data.at, reason: data.by })),
];
export const tasksProjection = defineProjection<TaskRow>('tasks', rules, taskList);

/** `down 2, draining 1`: how many nodes each filter excluded. */
export const countsOf = (filters: Readonly<Record<string, number>>): string =>
  Object.entries(filters)
    .map(([filter, nodes]) => `${filter} ${nodes}`)
    .join(', ');
