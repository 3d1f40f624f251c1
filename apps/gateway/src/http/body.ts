import { isStorable } from '../feed/storable';
import { Problem } from './problem';

const DEPTH_LIMIT = 32;
const UNSTORABLE = 'holds U+0000 or half a surrogate pair, which is no text';
const STORABLE_REMEDY = 'leave that character out: the store keeps text alone';
const PROTOTYPE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** JSON whose keys cannot reach an object's prototype and whose depth cannot exhaust whoever walks it. */
export function parseBody(text: string): unknown {
  if (text.trim() === '') return {};
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw invalid('', `not JSON: ${(error as Error).message}`, { cause: error });
  }
  check(body);
  return body;
}

/** What no part of a request may hold, wherever it is put. */
export function check(value: unknown, pointer = '', depth = 1): void {
  if (typeof value === 'string' && !isStorable(value)) throw invalid(pointer, UNSTORABLE, { remedy: STORABLE_REMEDY });
  if (value === null || typeof value !== 'object') return;
  if (depth > DEPTH_LIMIT) throw new Problem('TOO_LARGE', `deeper than ${DEPTH_LIMIT} levels`);
  for (const key of Object.keys(value)) {
    const here = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (PROTOTYPE_KEYS.has(key)) throw invalid(here, 'this name is not allowed');
    if (!isStorable(key)) throw invalid(pointer, UNSTORABLE, { remedy: STORABLE_REMEDY });
    check((value as Record<string, unknown>)[key], here, depth + 1);
  }
}

function invalid(pointer: string, message: string, told: { remedy?: string; cause?: unknown } = {}): Problem {
  return new Problem('INVALID_REQUEST', `${pointer || 'the body'}: ${message}`, {
    ...told,
    more: { errors: [{ pointer, message }] },
  });
}
