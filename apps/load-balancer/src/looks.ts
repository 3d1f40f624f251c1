import type { ClusterId, PointId, RequestId, SystemId, TaskId } from '@holdfast/contracts';
import type { Tx } from '@holdfast/event-store';
import { DELETED_MS } from './domain/backup-deletion';
import { nameOf } from './domain/backups';
import { nextLook, nextSettle } from './domain/next-look';
import { lookUp } from './domain/persistent-map';
import type { Known, RoutingTable, TableEvent } from './domain/routing-table';
import type { TableAction } from './domain/routing-table.decider';
import { later } from './domain/time';

/* Timers of the routing table's stream: when to look again at what may not have happened. */

export interface CheckTaskTimer {
  readonly type: 'CheckTask';
  readonly clusterId: ClusterId;
  readonly taskId: TaskId;
}

export interface SettleTimer {
  readonly type: 'Settle';
  readonly clusterId: ClusterId;
}

export interface CheckDeletionTimer {
  readonly type: 'CheckDeletion';
  readonly clusterId: ClusterId;
  readonly systemId: SystemId;
  readonly pointId: PointId;
  readonly requestId: RequestId;
}

interface Decided {
  readonly action: TableAction;
  readonly events: readonly TableEvent[];
  readonly table: RoutingTable;
  readonly known: Known;
}

/** Sets the next look at each task that was decided on, at the whole table, and at what is being deleted. */
export function lookAgain(tx: Tx, decided: Decided): void {
  const { action, events, table, known } = decided;
  const stream = `routing-table-${known.clusterId}`;
  const tasks = new Set(events.flatMap(({ data }) => ('taskId' in data ? [data.taskId] : [])));
  if (action.type === 'CheckTask') tasks.add(action.taskId);
  const stillMs = action.type === 'CheckTask' ? (action.progress?.stillMs ?? 0) : 0;
  for (const taskId of tasks) {
    const task = lookUp(table.tasks, taskId);
    const dueAt = task ? nextLook(table, task, { ...known, stillMs }) : null;
    const command: CheckTaskTimer = { type: 'CheckTask', clusterId: known.clusterId, taskId };
    tx.setTimer(stream, `task-${taskId}`, dueAt, command);
  }
  const settle: SettleTimer = { type: 'Settle', clusterId: known.clusterId };
  tx.setTimer(stream, 'settle', nextSettle(table, known), settle);
  lookAtDeletions(tx, decided, stream);
}

function lookAtDeletions(tx: Tx, { action, events, table, known }: Decided, stream: string): void {
  const asked = events.flatMap(({ type, data }) => (type === 'BackupDeletionOrdered' ? [data] : []));
  const checked = action.type === 'CheckDeletion' ? [action] : [];
  for (const { systemId, pointId, requestId } of [...checked, ...asked]) {
    const name = { systemId, pointId };
    const dueAt = lookUp(table.backups, nameOf(name))?.deletion ? later(known.at, DELETED_MS) : null;
    const command: CheckDeletionTimer = { type: 'CheckDeletion', clusterId: known.clusterId, ...name, requestId };
    tx.setTimer(stream, `backup-${nameOf(name)}`, dueAt, command);
  }
}
