import type { BackupRow, Scrub } from '../projections/backups.projection';

/** A backup that is there, and whether a system could be made of it. */
export function backupView({ restoreRequests: _, ...row }: BackupRow) {
  const reason = whyNot(row);
  return { ...row, refusedRestore: row.refusedRestore ?? null, restorable: reason === null, reason };
}
export type BackupView = ReturnType<typeof backupView>;

function whyNot({ backupId, state, lastScrub, refusedRestore }: Omit<BackupRow, 'restoreRequests'>): string | null {
  if (state === 'deleting') return 'it is being deleted';
  if (lastScrub && !lastScrub.clean) return damageIn(lastScrub);
  if (!refusedRestore) return null;
  const remedy = `scrub it: holdfast task submit scrub --backup ${backupId}`;
  return `the restore to ${refusedRestore.systemId} found it damaged; ${remedy}`;
}

function damageIn({ damagedPieces, manifestDiffers, taskId }: Scrub): string {
  if (manifestDiffers) return `its manifest is missing or not the one that was made, found by ${taskId}`;
  return `${damagedPieces} damaged piece${damagedPieces === 1 ? '' : 's'}, found by ${taskId}`;
}
