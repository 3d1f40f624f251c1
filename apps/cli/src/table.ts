import Table from 'cli-table3';
import { styleText } from 'node:util';
import type { World } from './world';

const GAP = 2;
const NARROWEST = 12;

/** Columns two blanks apart, without lines. The last one wraps where the terminal ends. */
export function table(
  world: Pick<World, 'columns' | 'colour'>,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i]?.length ?? 0)) + GAP);
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width, 0);
  const last = Math.max(NARROWEST, Math.min(widths.at(-1) ?? 0, world.columns + GAP - before));
  const drawn = new Table({
    chars: nothing,
    colWidths: [...widths.slice(0, -1), last],
    wordWrap: true,
    wrapOnWordBoundary: true,
    style: { 'padding-left': 0, 'padding-right': GAP, head: [], border: [], compact: true },
  });
  drawn.push([...heads], ...rows.map((row) => row.map((cell) => painted(world, cell))));
  const lines = drawn.toString().split('\n');
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** Label and text, as `why` and `describe` answer. */
export function labelled(world: World, lines: readonly (readonly [string, string])[]): string {
  if (lines.length === 0) return '';
  const width = Math.max(...lines.map(([label]) => label.length)) + GAP;
  return lines
    .map(([label, value]) => `  ${label.padEnd(width)}${painted(world, value)}`.trimEnd())
    .join('\n')
    .concat('\n');
}

const bad = new Set(['down', 'unserved', 'failed', 'refused', 'no', 'halted', 'gone', 'dead', 'lost', 'missing']);
const doubtful = new Set([
  'suspect',
  'isolated',
  'impaired',
  'partitioned',
  'waiting',
  'starting',
  'pending',
  'queued',
]);
const good = new Set(['healthy', 'served', 'succeeded', 'yes', 'alive', 'ok', 'clear']);

/** Colour is help alone: every word says the same without it. */
function painted(world: Pick<World, 'colour'>, cell: string): string {
  if (!world.colour) return cell;
  if (bad.has(cell)) return styleText('red', cell);
  if (doubtful.has(cell)) return styleText('yellow', cell);
  return good.has(cell) ? styleText('green', cell) : cell;
}

const nothing = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};
