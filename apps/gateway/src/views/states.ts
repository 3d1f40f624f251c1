import { isThere as backupIsThere, type BackupRow } from '../projections/backups.projection';
import type { ClusterRow } from '../projections/clusters.projection';
import type { NodeRow } from '../projections/nodes.projection';
import { isAsked, type OperationRow } from '../projections/operation';
import { isThere, type SystemRow } from '../projections/systems.projection';
import { backupView } from './backup.view';
import { nodeView } from './node.view';
import { operationView } from './operation.view';

const unheard = { now: 0, alphaMs: 1, listening: false };

/** What a row says of a thing by itself, in the API's words. Null: heard of, but not there. */
export const states = {
  cluster: ({ registered, ...cluster }: ClusterRow) => (registered ? cluster : null),
  node: (row: NodeRow) => (row.membership === 'member' ? nodeView(row, undefined, unheard) : null),
  system: (row: SystemRow) => {
    if (!isThere(row)) return null;
    const { lifecycle: _, registeredBy: __, servedEpoch: ___, ...told } = row;
    return told;
  },
  backup: (row: BackupRow) => (backupIsThere(row) ? backupView(row) : null),
  operation: (row: OperationRow) => (isAsked(row) ? operationView(row, Date.parse(row.movedAt)) : null),
  /** The row is what the API shows. */
  itself: (row: object) => row,
};
