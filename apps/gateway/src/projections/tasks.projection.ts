import {
  TaskAdmitted,
  TaskAssigned,
  TaskCancelled,
  TaskDeferred,
  TaskHeld,
  TaskMoved,
  TaskRecalled,
  TaskRetryScheduled,
  TaskStartConfirmed,
  type EventOf,
  type Instant,
} from '@holdfast/contracts';
import { defineProjection, rulesFor } from './projection';

export type TaskState = 'pending' | 'assigned' | 'held' | 'running' | 'stopping' | 'retrying' | 'cancelled';

/** All is told on the cluster's one stream, in order. */
export interface TaskRow {
  taskId: string;
  clusterId: string;
  kind: string;
  subject: string;
  nodeId: string | null;
  epoch: number | null;
  state: TaskState;
  since: Instant;
  reason: string | null;
  doneBytes: number | null;
  totalBytes: number | null;
  bytesPerSec: number | null;
  checkpoint: string | null;
  lastOwners: string[];
}

const LAST_OWNERS = 5;
const on = rulesFor<TaskRow>();
const ofTask = ({ data }: { data: { taskId: string } }) => data.taskId;

function becomes(row: TaskRow | undefined, state: TaskState, told: { at: Instant; reason?: string }) {
  return row && { ...row, state, since: row.state === state ? row.since : told.at, reason: told.reason ?? null };
}

function ordered(row: TaskRow | undefined, { data }: EventOf<typeof TaskAssigned> | EventOf<typeof TaskMoved>) {
  if (!row) return row;
  const { nodeId, epoch, at, cause } = data;
  const goesOn = row.state === 'running' && row.epoch === epoch;
  const lastOwners = [nodeId, ...row.lastOwners.filter((owner) => owner !== nodeId)].slice(0, LAST_OWNERS);
  return { ...row, ...becomes(row, goesOn ? 'running' : 'assigned', { at, reason: cause }), nodeId, epoch, lastOwners };
}

export const tasksProjection = defineProjection<TaskRow>('tasks', [
  on(TaskAdmitted, ofTask, (_row, { data: { taskId, clusterId, kind, subject, at } }) => ({
    taskId,
    clusterId,
    kind,
    subject,
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
  })),
  on(TaskAssigned, ofTask, ordered),
  on(TaskMoved, ofTask, ordered),
  on(TaskStartConfirmed, ofTask, (row, { data }) => becomes(row, 'running', data)),
  on(TaskHeld, ofTask, (row, { data }) => becomes(row, 'held', { at: data.at, reason: data.waitsFor })),
  on(TaskRecalled, ofTask, (row, { data }) => becomes(row, 'stopping', { at: data.at, reason: data.cause })),
  on(TaskDeferred, ofTask, (row, { data }) =>
    becomes(row, 'pending', { at: data.at, reason: Object.keys(data.blockedBy).join(', ') }),
  ),
  on(TaskRetryScheduled, ofTask, (row, { data }) =>
    becomes(row, 'retrying', { at: data.at, reason: `${data.code}, not before ${data.notBefore}` }),
  ),
  on(TaskCancelled, ofTask, (row, { data }) => becomes(row, 'cancelled', { at: data.at, reason: data.by })),
]);
