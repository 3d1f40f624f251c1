import { createHash, randomUUID } from 'node:crypto';
import type { RequestId } from '@holdfast/contracts';
import { uuidV5 } from '@holdfast/event-store';

/** One caller's key always names the same request; two callers' equal keys are two requests. */
export function requestIdOf(tokenId: string, idempotencyKey: string | undefined): RequestId {
  return (idempotencyKey === undefined ? randomUUID() : uuidV5(`${tokenId}\n${idempotencyKey}`)) as RequestId;
}

/** JSON whose keys are in order: equal bodies have equal text. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
