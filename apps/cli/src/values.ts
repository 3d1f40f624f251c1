import type { Row } from './api';
import { usage } from './failure';

/** The value at a path such as `serving.state`; undefined where any part of it is missing. */
export function at(row: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Row | null | undefined)?.[key], row);
}

/** Unknown is a dash, never an empty cell or a zero. */
export function text(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(text).join(', ');
  return JSON.stringify(value);
}

/** Two units at most: `4.2 s`, `3 m 12 s`, `2 d 4 h`. */
export function duration(ms: unknown): string {
  if (typeof ms !== 'number') return '-';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ];
  const seconds = Math.floor(ms / 1_000);
  const first = units.findIndex(([, size]) => seconds >= size);
  let left = seconds;
  const parts = units.slice(first, first + 2).map(([name, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return count > 0 ? `${count} ${name}` : '';
  });
  return parts.filter(Boolean).join(' ');
}

export function since(instant: unknown, now: number): string {
  const then = typeof instant === 'string' ? Date.parse(instant) : NaN;
  return Number.isNaN(then) ? '-' : duration(Math.max(0, now - then));
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function size(bytes: unknown): string {
  if (typeof bytes !== 'number') return '-';
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1_024 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[power]}`;
}

/** `48 of 128 MiB`: both in the unit of the whole. */
export function portion(done: number, total: number): string {
  const [, unit = 'B'] = size(total).split(' ');
  const inUnit = done / 1_024 ** UNITS.indexOf(unit);
  return `${Number.isInteger(inUnit) ? inUnit : inUnit.toFixed(1)} of ${size(total)}`;
}

/** Never 100 before it is whole. */
export function percent(done: number, total: number): string {
  return `${total === 0 ? 100 : Math.floor((done / total) * 100)} %`;
}

/** `64MiB`, `1GiB`, `4096`. */
export function parseSize(given: string): number {
  const [, number, unit = ''] = /^(\d+)\s*(|B|KiB|MiB|GiB|TiB)$/i.exec(given) ?? [];
  if (number === undefined) throw usage(`${given} is no size`, 'write it as 64MiB, 1GiB or in bytes');
  const power = ['', 'kib', 'mib', 'gib', 'tib'].indexOf(unit.toLowerCase().replace(/^b$/, ''));
  return Number(number) * 1_024 ** power;
}

/** `500ms`, `30s`, `5m`, `2h`, `1d`; a bare number is seconds. */
export function parseDuration(given: string): number {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(given) ?? [];
  if (number === undefined) throw usage(`${given} is no duration`, 'write it as 30s, 5m or 2h');
  const sizes = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  return Number(number) * sizes[unit as keyof typeof sizes];
}
