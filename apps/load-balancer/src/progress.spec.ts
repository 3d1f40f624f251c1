import type { ClusterId, NodeId, TaskId } from '@holdfast/contracts';
import { ProgressWatch } from './progress';

const c1 = 'c1' as ClusterId;
const t1 = 't-1' as TaskId;
const at = (second: number) => new Date(Date.parse('2026-01-01T00:00:00Z') + second * 1_000).toISOString();
const tell = (watch: ProgressWatch, second: number, doneBytes: number, epoch = 1) =>
  watch.note(
    { clusterId: c1, nodeId: 'n1' as NodeId, taskId: t1, epoch, doneBytes, totalBytes: 1_000, bytesPerSec: 1 },
    at(second),
  );

it('tells for how long nothing was heard of a task, and for how long it came no further', () => {
  const watch = new ProgressWatch();
  tell(watch, 0, 100);
  tell(watch, 10, 100);
  watch.tick(c1, at(15));
  expect(watch.of(c1, t1)).toEqual({ silentMs: 5_000, stillMs: 15_000 });
  tell(watch, 20, 101);
  expect(watch.of(c1, t1)).toEqual({ silentMs: 0, stillMs: 0 });
});

it('counts from what it read first: a restart makes nobody stall', () => {
  const watch = new ProgressWatch();
  expect(watch.of(c1, t1)).toEqual({ silentMs: 0, stillMs: 0 });
  watch.tick(c1, at(1_000));
  expect(watch.of(c1, t1)).toEqual({ silentMs: 0, stillMs: 0 });
  watch.tick(c1, at(1_061));
  expect(watch.of(c1, t1)).toEqual({ silentMs: 61_000, stillMs: 61_000 });
});

it('stands still while nothing is read, whatever time it is', () => {
  const watch = new ProgressWatch();
  tell(watch, 0, 100);
  watch.tick(c1, at(2));
  watch.tick('c2' as ClusterId, at(500));
  expect(watch.of(c1, t1).stillMs).toBe(2_000);
});

it('begins anew with each attempt, and hears nothing of one before', () => {
  const watch = new ProgressWatch();
  tell(watch, 0, 900);
  tell(watch, 60, 10, 2);
  expect(watch.of(c1, t1).stillMs).toBe(0);
  tell(watch, 90, 950, 1);
  watch.tick(c1, at(90));
  expect(watch.of(c1, t1)).toEqual({ silentMs: 30_000, stillMs: 30_000 });
});

it('is not turned back by a broker’s clock', () => {
  const watch = new ProgressWatch();
  tell(watch, 100, 1);
  watch.tick(c1, at(40));
  expect(watch.of(c1, t1)).toEqual({ silentMs: 0, stillMs: 0 });
});

it('tells how long a task goes on at its rate, and that one which stands still goes on for ever', () => {
  const watch = new ProgressWatch();
  tell(watch, 0, 0);
  tell(watch, 5, 100);
  expect(watch.leftOf(c1)?.get(t1)).toBe(900_000);
  const still = { clusterId: c1, nodeId: 'n1' as NodeId, taskId: t1, epoch: 1, doneBytes: 100, totalBytes: 1_000 };
  watch.note({ ...still, bytesPerSec: 0 }, at(6));
  expect(watch.leftOf(c1)?.get(t1)).toBe(Infinity);
});

it('tells nothing of how long tasks go on until it has had time to hear of all', () => {
  const watch = new ProgressWatch();
  expect(watch.leftOf(c1)).toBeUndefined();
  tell(watch, 0, 100);
  watch.tick(c1, at(4.999));
  expect(watch.leftOf(c1)).toBeUndefined();
  watch.tick(c1, at(5));
  expect(watch.leftOf(c1)).toBeDefined();
});
