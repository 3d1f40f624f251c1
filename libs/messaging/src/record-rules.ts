import { z } from 'zod';

const uuid = z.uuid();
const instant = z.iso.datetime();
const LIMIT_STREAM_KEY_BYTES = 200;
const LIMIT_INSTANT = 40;
const LIMIT_DEPTH = 64;

export const isUuid = (text: string): boolean => uuid.safeParse(text).success;

/** As our contracts and PostgreSQL both read it: there is no year 0. */
export function isInstant(text: string): boolean {
  return text.length <= LIMIT_INSTANT && !text.startsWith('0000') && instant.safeParse(text).success;
}

/** As stores take it. */
export function isStreamKey(text: string): boolean {
  return text.length <= LIMIT_STREAM_KEY_BYTES && /^[\x21-\x7e]+$/.test(text);
}

/** Text that PostgreSQL takes, as `text` and in `jsonb`, at a depth that no reader overflows at. */
export function hasOnlyStorableText(data: unknown, depth = 0): boolean {
  if (typeof data === 'string') return !/\0|\p{Surrogate}/u.test(data);
  if (typeof data !== 'object' || data === null) return true;
  if (depth === LIMIT_DEPTH) return false;
  if (Array.isArray(data)) return data.every((one) => hasOnlyStorableText(one, depth + 1));
  return Object.entries(data).every(
    ([name, value]) => hasOnlyStorableText(name) && hasOnlyStorableText(value, depth + 1),
  );
}
