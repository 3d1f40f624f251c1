import type { BackupRow } from '../projections/backups.projection';

/** A backup that is there, and whether a system could be made of it. */
export function backupView(row: BackupRow) {
  const reason = whyNot(row);
  return { ...row, restorable: reason === null, reason };
}
export type BackupView = ReturnType<typeof backupView>;

function whyNot({ state, lastScrub }: BackupRow): string | null {
  if (state === 'deleting') return 'it is being deleted';
  if (!lastScrub || lastScrub.clean) return null;
  const { damagedPieces, taskId } = lastScrub;
  return `${damagedPieces} damaged piece${damagedPieces === 1 ? '' : 's'}, found by ${taskId}`;
}
