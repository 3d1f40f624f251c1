import type { BackupDeletionRejected, NodeId, RequestId } from '@holdfast/contracts';
import { type BackupName, nameOf, userOf } from './backups';
import type { DataOf } from './data-of';
import type { Decision } from './decision';
import { lookUp } from './persistent-map';
import type { RoutingTable } from './routing-table';
import { msBetween } from './time';

/** A node that says nothing of a deletion for so long: another is asked. */
export const DELETED_MS = 30_000;

/* Every node that mounts the medium can take a backup away; doing so twice is doing so once. */

export type BackupCommand =
  | ({ readonly type: 'DeleteBackup'; readonly requestId: RequestId } & BackupName)
  | ({ readonly type: 'CheckDeletion'; readonly requestId: RequestId } & BackupName)
  | ({ readonly type: 'NoteBackupDeleted' } & BackupName);

type Refusal = DataOf<typeof BackupDeletionRejected>;

export function deleteBackup(decision: Decision, { systemId, pointId, requestId }: BackupName & Asked): void {
  const { table, known } = decision;
  const { clusterId, at } = known;
  const name = { systemId, pointId };
  const refused = (why: Pick<Refusal, 'reason' | 'byTaskId'>) =>
    void decision.add({ type: 'BackupDeletionRejected', data: { clusterId, ...name, requestId, ...why, at } });

  const backup = lookUp(table.backups, nameOf(name));
  if (!backup) return refused({ reason: 'UNKNOWN_BACKUP' });
  const byTaskId = userOf(table, name);
  if (byTaskId) return refused({ reason: 'IN_USE', byTaskId });
  if (decision.held) return refused({ reason: 'PLACEMENT_HELD' });
  // Asked again while a node is at it: that node is told under this request too, so that both end together.
  const nodeId = backup.deletion && isOpen(table, backup.deletion.nodeId) ? backup.deletion.nodeId : anyOpen(table);
  if (!nodeId) return refused({ reason: 'NO_NODE' });
  order(decision, { ...name, requestId, nodeId });
}

interface Asked {
  readonly requestId: RequestId;
}

/** Nobody said that it is gone. */
export function checkDeletion(decision: Decision, { systemId, pointId, requestId }: BackupName & Asked): void {
  const { table, known } = decision;
  const deletion = lookUp(table.backups, nameOf({ systemId, pointId }))?.deletion;
  if (!deletion || decision.held || msBetween(deletion.since, known.at) < DELETED_MS) return;
  const nodeId = anyOpen(table, deletion.nodeId) ?? anyOpen(table);
  if (nodeId) order(decision, { systemId, pointId, requestId, nodeId });
}

/** Whichever node says so: the files are gone. */
export function backupDeleted(decision: Decision, { systemId, pointId }: BackupName): void {
  if (!lookUp(decision.table.backups, nameOf({ systemId, pointId }))?.deletion) return;
  const { clusterId, at } = decision.known;
  decision.add({ type: 'BackupDeletionConfirmed', data: { clusterId, systemId, pointId, at } });
}

function order(decision: Decision, to: BackupName & Asked & { readonly nodeId: NodeId }): void {
  const { clusterId, at } = decision.known;
  decision.add({ type: 'BackupDeletionOrdered', data: { clusterId, ...to, at } });
}

function anyOpen(table: RoutingTable, but?: NodeId): NodeId | undefined {
  return Object.values(table.nodes).find(({ nodeId }) => nodeId !== but && isOpen(table, nodeId))?.nodeId;
}

function isOpen({ nodes }: RoutingTable, nodeId: NodeId): boolean {
  return nodes[nodeId]?.state === 'open';
}
