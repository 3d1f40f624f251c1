import { createHash, randomUUID } from 'node:crypto';
import type { RequestId } from '@holdfast/contracts';
import { uuidV5 } from '@holdfast/event-store';

/** One caller's key always names the same request; two callers' equal keys are two requests. */
export function requestIdOf(tokenId: string, idempotencyKey: string | undefined): RequestId {
  return (idempotencyKey === undefined ? randomUUID() : uuidV5(`${tokenId}\n${idempotencyKey}`)) as RequestId;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
