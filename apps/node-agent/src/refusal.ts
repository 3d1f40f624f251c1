import type { declineCode } from '@holdfast/contracts';
import { EngineError, JournalFailed, MediumInvalid } from './errors';
import { BackupDamaged } from './pieces';
import { ClaimRefused } from './take-up';

type DeclineCode = (typeof declineCode.options)[number];

/** Why an order is declined, as the load-balancer reads it. */
export interface Refusal {
  code: DeclineCode;
  message?: string;
  claim?: { epoch: number; nodeId: string | null };
}

/** An engine that answers is not dead, whatever it says of one system's images: they are the same on every node. */
export const isEngineLost = (error: unknown): boolean =>
  error instanceof EngineError && (error.code === 'ENGINE_GONE' || error.code === 'ENGINE_SILENT');

export function refusalOf(error: unknown): Refusal {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ClaimRefused) {
    const { epoch, nodeId } = error.claim;
    return { code: error.code, message, claim: { epoch, nodeId } };
  }
  if (error instanceof EngineError) return { code: error.code === 'NO_SPACE' ? 'NO_SPACE' : 'ENGINE_DOWN', message };
  if (error instanceof BackupDamaged) return { code: error.code, message };
  if (error instanceof MediumInvalid) return { code: error.code, message };
  if (error instanceof JournalFailed) return { code: error.code, message };
  const { code } = error as NodeJS.ErrnoException;
  // What is left came from the file system, and all that this agent touches on the way lies on the medium.
  return { code: code === 'ENOSPC' || code === 'EDQUOT' ? 'NO_SPACE' : 'MEDIUM_INVALID', message };
}
