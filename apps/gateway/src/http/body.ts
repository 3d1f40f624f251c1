import { Problem } from './problem';

export const DEPTH_LIMIT = 32;
const PROTOTYPE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** JSON whose keys cannot reach an object's prototype and whose depth cannot exhaust whoever walks it. */
export function parseBody(text: string): unknown {
  if (text.trim() === '') return {};
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw invalid('', `not JSON: ${(error as Error).message}`, error);
  }
  check(body, '', 1);
  return body;
}

function check(value: unknown, pointer: string, depth: number): void {
  if (value === null || typeof value !== 'object') return;
  if (depth > DEPTH_LIMIT) throw new Problem('TOO_LARGE', `deeper than ${DEPTH_LIMIT} levels`);
  for (const key of Object.keys(value)) {
    const here = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (PROTOTYPE_KEYS.has(key)) throw invalid(here, 'this name is not allowed');
    check((value as Record<string, unknown>)[key], here, depth + 1);
  }
}

function invalid(pointer: string, message: string, cause?: unknown): Problem {
  return new Problem('INVALID_REQUEST', `${pointer || 'the body'}: ${message}`, {
    more: { errors: [{ pointer, message }] },
    cause,
  });
}
