import type { Row } from './api';
import { at, since, size, text } from './values';

export interface Column {
  head: string;
  value: (row: Row, now: number) => string;
  /** Only with `-o wide`. */
  wide?: true;
  /** How long ago, counted from now. */
  isAge?: true;
}

export const column = (head: string, path: string): Column => ({ head, value: (row) => text(at(row, path)) });
export const age = (head: string, path: string): Column => ({
  head,
  value: (row, now) => since(at(row, path), now),
  isAge: true,
});
export const wide = (plain: Column): Column => ({ ...plain, wide: true });
export const computed = (head: string, value: Column['value']): Column => ({ head, value });

export const shortId = (path: string): Column => computed('ID', (row) => text(at(row, path)).slice(0, 8));

export function withCause(state: unknown, cause: unknown): string {
  return cause ? `${text(state)}: ${text(cause)}` : text(state);
}

export function counts(byStatus: unknown): string {
  const present = Object.entries((byStatus ?? {}) as Row).filter(([, count]) => count !== 0);
  return present.map(([status, count]) => `${text(count)} ${status}`).join(', ') || '-';
}

/** `2 × 64 MiB`, or each by its name where they differ. */
export function volumesOf(volumes: unknown): string {
  const list = (volumes ?? []) as Row[];
  const sizes = new Set(list.map(({ sizeBytes }) => sizeBytes));
  if (sizes.size === 1) return `${list.length} × ${size([...sizes][0])}`;
  return list.map(({ volumeId, sizeBytes }) => `${text(volumeId)} ${size(sizeBytes)}`).join(', ') || '-';
}

export function exportsOf(exports: unknown): string {
  return ((exports ?? []) as Row[]).map(({ uri }) => text(uri)).join(' ') || '-';
}

export function failing(checks: unknown): string {
  const failed = ((checks ?? []) as Row[]).filter(({ ok }) => ok === false);
  return failed.map(({ name, detail }) => withCause(name, detail)).join('; ') || '-';
}

/** `10:42:06`: of today, or soon. */
export function timeOf(instant: unknown): string {
  return typeof instant === 'string' ? instant.slice(11, 19) : '-';
}

export function drainText(drain: unknown): string {
  if (!drain) return '-';
  const left = at(drain, 'left');
  return at(drain, 'state') === 'drained' || !Array.isArray(left) ? text(at(drain, 'state')) : `${left.length} left`;
}

/** Of background work: what it costs, of what the node may spend. */
export function loadText(placement: unknown): string {
  const { load, budget } = (placement ?? {}) as Row;
  return typeof load === 'number' && typeof budget === 'number' ? `${size(load)}/s of ${size(budget)}/s` : '-';
}

export function scrubText(scrub: unknown, now: number): string {
  if (!scrub) return 'never';
  const found = at(scrub, 'clean') ? 'clean' : `${text(at(scrub, 'damagedPieces'))} damaged`;
  return `${found}, ${since(at(scrub, 'at'), now)} ago`;
}
