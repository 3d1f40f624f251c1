import {
  type PointId,
  type RequestId,
  serveTaskOf,
  type SystemId,
  type TaskId,
  type TaskRejected,
  taskSubjectOf,
} from '@holdfast/contracts';
import { backupOf, nameOf, refOf } from './backups';
import type { DataOf } from './data-of';
import type { Decision } from './decision';
import { placeBackground } from './owed';
import { lookUp, valuesOf } from './persistent-map';
import { backgroundLimits } from './placement';
import { isRetired } from './node-retirement';
import { openTask, type RoutingTable } from './routing-table';
import { type BackgroundTask, isBackground } from './task';

/** Background tasks of one cluster that are open at a time. */
export const QUEUE_LIMIT = 10_000;

/** As it was asked for: nothing of it need exist. */
export interface RequestTask {
  readonly type: 'RequestTask';
  readonly taskId: TaskId;
  readonly kind: string;
  readonly systemId: SystemId;
  readonly pointId: PointId;
  readonly bytesPerSec: number;
  readonly requestId: RequestId;
  /** The backup to read is another cluster's: its medium is not mounted here. */
  readonly elsewhere: boolean;
}

type Refused = DataOf<typeof TaskRejected>;
type Refusal = Pick<Refused, 'reason' | 'byTaskId'>;
type Kind = BackgroundTask['kind'];

const isKind = (kind: string): kind is Kind => kind === 'snapshot' || kind === 'scrub';

export function requestTask(decision: Decision, request: RequestTask): void {
  const { taskId, kind, requestId, bytesPerSec: cost } = request;
  if (lookUp(decision.table.tasks, taskId)) return;
  const { clusterId, at } = decision.known;
  const about = { clusterId, taskId, subject: subjectOf(request), requestId, at };

  const refusal = refusalOf(decision.table, request);
  if (refusal || !isKind(kind)) {
    decision.add({ type: 'TaskRejected', data: { ...about, kind, ...(refusal ?? { reason: 'UNKNOWN_KIND' }) } });
    return;
  }
  decision.add({ type: 'TaskAdmitted', data: { ...about, kind, cost, spec: specOf(decision.table, request) } });
  const task = decision.task(taskId);
  if (isBackground(task) && !decision.held) placeBackground(decision, task);
}

function subjectOf({ kind, systemId, pointId }: RequestTask): string {
  return taskSubjectOf(isKind(kind) ? kind : 'snapshot', { systemId, pointId });
}

function refusalOf(table: RoutingTable, request: RequestTask): Refusal | null {
  const { kind, bytesPerSec } = request;
  if (!isKind(kind)) return { reason: 'UNKNOWN_KIND' };
  // Below one a pace would wait for longer than any timer can.
  if (!Number.isFinite(bytesPerSec) || bytesPerSec < 1) return { reason: 'INVALID_COST' };
  const subject = kind === 'scrub' ? withoutBackup(table, request) : withoutPoint(table, request);
  if (subject) return subject;

  const open = valuesOf(table.tasks).filter(isBackground);
  const standing = openTask(table, { kind, subject: subjectOf(request) });
  if (standing) return { reason: 'DUPLICATE', byTaskId: standing.taskId };
  if (exceedsAny(table, bytesPerSec)) return { reason: 'EXCEEDS_ANY_NODE' };
  return open.length >= QUEUE_LIMIT ? { reason: 'QUEUE_FULL' } : null;
}

function withoutBackup(table: RoutingTable, request: RequestTask): Refusal | null {
  if (backupOf(table, request)) return null;
  return { reason: request.elsewhere ? 'BACKUP_ELSEWHERE' : 'UNKNOWN_SUBJECT' };
}

/** A point's name is used once: another attempt under it would write where one before may still be writing. */
function withoutPoint(table: RoutingTable, { systemId, pointId }: RequestTask): Refusal | null {
  const serve = lookUp(table.tasks, serveTaskOf(systemId));
  if (!serve || serve.recall?.cause === 'retirement') return { reason: 'UNKNOWN_SUBJECT' };
  const point = nameOf({ systemId, pointId });
  const gone = lookUp(table.backups, point) !== undefined || table.ended.some((ended) => ended.point === point);
  return gone ? { reason: 'POINT_GONE' } : null;
}

/** Larger than what any node of this cluster, were it empty and open, could spare. */
function exceedsAny({ nodes }: RoutingTable, cost: number): boolean {
  const budgets = Object.values(nodes).flatMap((node) => (isRetired(node) ? [] : [node.budget]));
  return budgets.length > 0 && budgets.every((budget) => cost > backgroundLimits.ceiling(budget));
}

function specOf(table: RoutingTable, request: RequestTask): BackgroundTask['spec'] {
  const { systemId, pointId, bytesPerSec } = request;
  const backup = request.kind === 'scrub' ? backupOf(table, request) : undefined;
  return backup ? { systemId, backup: refOf(backup), bytesPerSec } : { systemId, pointId, bytesPerSec };
}
