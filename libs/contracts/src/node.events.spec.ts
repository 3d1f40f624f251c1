import { TaskProgressObserved } from './node.events';

it('a progress says at most that all is done', () => {
  const task = { clusterId: 'alpha', nodeId: 'alpha-1', taskId: 't-1', epoch: 1, bytesPerSec: 1 };
  const isUnderstood = (doneBytes: number, totalBytes: number) =>
    TaskProgressObserved.schema.safeParse({ ...task, doneBytes, totalBytes }).success;
  expect([isUnderstood(0, 0), isUnderstood(8, 8), isUnderstood(9, 8)]).toEqual([true, true, false]);
});
