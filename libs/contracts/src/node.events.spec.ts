import { TaskCheckpointReached, TaskProgressObserved } from './node.events';

const incarnation = '0190a6c5-7b1e-7c3a-9f00-5d2a1b3c4d5e';
const task = { clusterId: 'alpha', nodeId: 'alpha-1', taskId: 't-1', epoch: 1 };
const checkpoint = { ...task, incarnation, at: '2026-05-01T10:00:00.000Z', token: null };
const progress = { ...task, bytesPerSec: 1 };

describe.each([
  ['a checkpoint', TaskCheckpointReached, checkpoint],
  ['a progress', TaskProgressObserved, progress],
])('%s', (_, { schema }, told) => {
  const isUnderstood = (doneBytes: number, totalBytes: number) =>
    schema.safeParse({ ...told, doneBytes, totalBytes }).success;

  it('says at most that all is done', () => {
    expect([isUnderstood(0, 0), isUnderstood(8, 8), isUnderstood(9, 8)]).toEqual([true, true, false]);
  });
});
