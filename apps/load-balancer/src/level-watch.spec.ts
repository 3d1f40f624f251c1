import type { Tx } from '@holdfast/event-store';
import { WorkTable } from './domain/work-fixture';
import { LevelWatch } from './level-watch';

/** The timers that are set, by name. */
function timersOf(): { tx: Tx; due: Record<string, string | null> } {
  const due: Record<string, string | null> = {};
  const setTimer: Tx['setTimer'] = (_stream, name, dueAt) => void (due[name] = dueAt);
  return { tx: { setTimer } as Tx, due };
}

const uneven = () => WorkTable.withNodes('n1', 'n2').running('1', 'n1').running('2', 'n1');
const after = (table: WorkTable, ms: number) => new Date(table.clock + ms).toISOString();

it('looks a minute after it turned uneven, however much is decided until then', () => {
  const { tx, due } = timersOf();
  const watch = new LevelWatch();
  const table = uneven();
  const inAMinute = after(table, 60_000);
  watch.look(tx, table.table, table.known);
  table.wait(59_000);
  watch.look(tx, table.table, table.known);
  expect(due).toEqual({ level: inAMinute });
});

it('looks no more when it is even again, and counts anew after that', () => {
  const { tx, due } = timersOf();
  const watch = new LevelWatch();
  const table = uneven();
  watch.look(tx, table.table, table.known);
  table.wait(30_000).running('3', 'n2').running('4', 'n2');
  watch.look(tx, table.table, table.known);
  expect(due).toEqual({ level: null });
  table.finish('3');
  table.finish('4');
  watch.look(tx, table.table, table.known);
  expect(due).toEqual({ level: after(table, 60_000) });
});

it('waits another minute where nothing could be done about it', () => {
  const { tx, due } = timersOf();
  const watch = new LevelWatch();
  const table = uneven();
  watch.look(tx, table.table, table.known);
  table.wait(60_000);
  watch.isOver(table.known.clusterId);
  watch.look(tx, table.table, table.known);
  expect(due).toEqual({ level: after(table, 60_000) });
});

it('sets nothing for a table that is even', () => {
  const { tx, due } = timersOf();
  const table = WorkTable.withNodes('n1', 'n2');
  new LevelWatch().look(tx, table.table, table.known);
  expect(due).toEqual({});
});
