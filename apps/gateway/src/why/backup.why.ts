import {
  BackupDeletionConfirmed,
  BackupDeletionOrdered,
  BackupDeletionRejected,
  PointConfirmed,
  TaskCompleted,
} from '@holdfast/contracts';
import type { FeedEvent } from '../projections/projection';
import type { BackupView } from '../views/backup.view';
import { amount, chainOf, clock, is, lastOf, placeOf, seconds, type Why } from './why';

/** What is asked of the feed. */
export const BACKUP_EVENTS = [TaskCompleted, BackupDeletionOrdered, BackupDeletionRejected, BackupDeletionConfirmed];

/** `events`: all that was told of the backup, and of the point that it is of. */
export function whyBackup(backup: BackupView, events: readonly FeedEvent[]): Why {
  const { backupId, restorable, reason, at, lastScrub } = backup;
  const made = events.findLast((event) => is(event, TaskCompleted) && event.data.kind === 'snapshot');
  const scrubbed = events.findLast((event) => is(event, TaskCompleted) && event.data.kind === 'scrub');
  const deletion = lastOf(events, BackupDeletionOrdered, BackupDeletionRejected);
  return {
    subject: `backup/${backupId}`,
    headline: restorable ? `restorable: as of ${clock(at)}, ${scrubText(lastScrub)}` : `not restorable: ${reason}`,
    lines: [
      ...(is(made, TaskCompleted) ? [madeLine(backup, made.data)] : []),
      ...(scrubbed ? [{ label: 'scrub', text: `${scrubText(lastScrub)} (${placeOf(scrubbed)})` }] : []),
      ...damageLines(backup),
      ...(is(deletion, BackupDeletionRejected)
        ? [{ label: 'kept', text: `${deletion.data.reason}${by(deletion.data.byTaskId)} (${placeOf(deletion)})` }]
        : []),
    ],
    chain: chainOf([lastOf(events, PointConfirmed), made, scrubbed, deletion]),
  };
}

const by = (taskId: string | undefined) => (taskId === undefined ? '' : ` by ${taskId}`);

function madeLine(backup: BackupView, { taskId, nodeId, epoch, durationMs }: Made) {
  const { bytes, sizeBytes, pieces } = backup;
  const size = `${amount(bytes)} of ${amount(sizeBytes)} in ${pieces} pieces`;
  return { label: 'made', text: `${size} by ${taskId} on ${nodeId}, epoch ${epoch}, in ${seconds(durationMs)}` };
}
type Made = { taskId: string; nodeId: string; epoch: number; durationMs: number };

function scrubText(scrub: BackupView['lastScrub']): string {
  if (!scrub) return 'never scrubbed';
  const found = scrub.clean ? 'clean' : scrub.manifestDiffers ? 'manifest differs' : `${scrub.damagedPieces} damaged`;
  return `${found} when ${scrub.taskId} read it at ${clock(scrub.at)}`;
}

function damageLines({ lastScrub }: BackupView) {
  if (lastScrub?.manifestDiffers) return [];
  const named = (lastScrub?.damaged ?? []).slice(0, 8).map(({ volumeId, piece }) => `${volumeId}.${piece}`);
  return named.length > 0 ? [{ label: 'damaged', text: named.join(', ') }] : [];
}
