import { z } from 'zod';

const uuid = z.uuid();
const instant = z.iso.datetime();
const LIMIT_STREAM_KEY_BYTES = 200;
const LIMIT_INSTANT = 40;

export const isUuid = (text: string): boolean => uuid.safeParse(text).success;

/** As our contracts and PostgreSQL both read it: there is no year 0. */
export function isInstant(text: string): boolean {
  return text.length <= LIMIT_INSTANT && !text.startsWith('0000') && instant.safeParse(text).success;
}

/** As stores take it. */
export function isStreamKey(text: string): boolean {
  return text.length <= LIMIT_STREAM_KEY_BYTES && /^[\x21-\x7e]+$/.test(text);
}
