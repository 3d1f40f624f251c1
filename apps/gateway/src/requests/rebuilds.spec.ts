import type { EventStore, Tx } from '@holdfast/event-store';
import { invariant } from '@holdfast/kernel';
import type { Rebuilder, Rebuilt } from '../feed/rebuild';
import { OTHER_REQUEST, REQUEST } from '../testing/told';
import { Rebuilds } from './rebuilds';

const DONE: Rebuilt = { position: 9, rows: 2, durationMs: 5, contentHash: 'h', identical: true };
const timer = { stream: 'request-1', name: 'rebuild' };
const nodes = { requestId: REQUEST, name: 'nodes' };

/** A store whose transactions are written down, and a rebuild that ends when the spec says so. */
function scene() {
  const told: { type: string; data: object }[] = [];
  const timers: (string | null)[] = [];
  const begun: AbortSignal[] = [];
  let end: { resolve(rebuilt: Rebuilt): void; reject(error: Error): void } | undefined;
  let committed: (() => void)[] = [];

  const tx = {
    setTimer: (...[, , dueAt]: Parameters<Tx['setTimer']>) => timers.push(dueAt),
    append: ({ events }: Parameters<Tx['append']>[0]) => told.push(...(events as typeof told)),
    onCommit: (listener: () => void) => committed.push(listener),
    inContext: () => tx,
  };
  const inTransaction = async (work: (tx: Tx) => Promise<unknown>) => {
    committed = [];
    await work(tx as unknown as Tx);
    for (const listener of committed) listener();
  };
  const rebuilder = {
    knows: (name: string) => name === 'nodes',
    rebuild: (_name: string, signal: AbortSignal) => {
      begun.push(signal);
      return new Promise<Rebuilt>((resolve, reject) => {
        end = { resolve, reject };
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    },
  };
  const rebuilds = new Rebuilds({ inTransaction } as unknown as EventStore, rebuilder as unknown as Rebuilder);
  const due = (order = nodes) => inTransaction((given) => rebuilds.due(timer, order, given));
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const ends = async (how: Rebuilt | Error) => {
    invariant(end, 'no rebuild is under way');
    if (how instanceof Error) end.reject(how);
    else end.resolve(how);
    await settled();
  };
  return { rebuilds, told, timers, begun, due, ends };
}

it('a due timer begins the rebuild and comes again: no transaction waits for its end', async () => {
  const { due, begun, timers, told } = scene();
  await due();
  expect(begun).toHaveLength(1);
  expect(timers).toEqual([expect.any(String)]);
  expect(told).toEqual([]);
});

it('its end is told, and the timer taken away, in one transaction', async () => {
  const { due, ends, timers, told } = scene();
  await due();
  await ends(DONE);
  const { identical: _, ...rebuilt } = DONE;
  expect(told).toEqual([{ type: 'ProjectionRebuilt', data: { ...nodes, ...rebuilt } }]);
  expect(timers.at(-1)).toBeNull();
});

it('one under way is not begun again when its timer comes again', async () => {
  const { due, begun, timers } = scene();
  await due();
  await due();
  expect(begun).toHaveLength(1);
  expect(timers).toEqual([expect.any(String), expect.any(String)]);
});

it('one that failed is begun again', async () => {
  const { due, ends, begun, told } = scene();
  await due();
  await ends(new TypeError('a bug'));
  await due();
  expect(begun).toHaveLength(2);
  expect(told).toEqual([]);
});

it('another of the same projection is refused meanwhile, and so is one of a projection that nobody knows', async () => {
  const { due, told, timers } = scene();
  await due();
  await due({ ...nodes, requestId: OTHER_REQUEST });
  await due({ ...nodes, name: 'nothing' });
  expect(told).toEqual([
    { type: 'ProjectionRebuildRejected', data: { name: 'nodes', requestId: OTHER_REQUEST, reason: 'running' } },
    { type: 'ProjectionRebuildRejected', data: { name: 'nothing', requestId: REQUEST, reason: 'unknown' } },
  ]);
  expect(timers).toHaveLength(1);
});

it('a process that ends leaves it, with its timer, to the next', async () => {
  const { due, rebuilds, begun, told, timers } = scene();
  await due();
  await rebuilds.stop();
  await due();
  expect(begun).toHaveLength(1);
  expect(told).toEqual([]);
  expect(timers).not.toContain(null);
});
