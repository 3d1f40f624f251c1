import { useParts } from './parts-fixture';
import type { World } from './world-fixture';

let world: World;
useParts((its) => ({ world } = its));

const snapshot = () => `t-${world.systemId}`;
const manifest = 'ab'.repeat(32);
const submit = (kind = 'snapshot', taskId = snapshot()) =>
  world.request('TaskRequested', {
    ...{ clusterId: world.clusterId, taskId, kind, systemId: world.systemId, pointId: 'p1', bytesPerSec: 50 },
  });
const finish = ({ nodeId, epoch }: { nodeId: string; epoch: number }) => {
  const result = { manifest, volumes: [{ volumeId: 'a', sizeBytes: 1024 }], pieces: 1, bytes: 512 };
  const end = { taskId: snapshot(), epoch, result, doneBytes: 1024, durationMs: 9 };
  return world.agent(nodeId, 'TaskFinished', end);
};
const ownerIn = (event: { data: Record<string, unknown> }) => event.data as { nodeId: string; epoch: number };

it('a snapshot is frozen, read, moved when its node dies, goes on there, and becomes a backup', async () => {
  await world.servedByA();
  await world.opens(world.node('c'));
  const requestId = await submit();
  const ordered = await world.until('PointOrdered', { taskId: snapshot() });
  expect(ordered.data).toMatchObject({ nodeId: world.node('a'), epoch: 1, pointId: 'p1' });
  await world.until('PointConfirmed', { taskId: snapshot(), k: 1 });
  const first = ownerIn(await world.until('TaskStartConfirmed', { taskId: snapshot() }));
  const reached = { taskId: snapshot(), epoch: 1, token: 'piece 3', doneBytes: 300, totalBytes: 1024 };
  await world.agent(first.nodeId, 'TaskCheckpointReached', reached);
  await world.until('TasksCheckpointed', { clusterId: world.clusterId });

  await world.fails(first.nodeId);
  const moved = await world.until('TaskMoved', { taskId: snapshot() });
  expect(moved.data).toMatchObject({
    ...{ fromNodeId: first.nodeId, epoch: 2, cause: 'nodeDown', spec: { pointId: 'p1', bytesPerSec: 50 } },
    resume: { fromEpoch: 1, token: 'piece 3', doneBytes: 300 },
  });
  await world.until('TaskStartConfirmed', { taskId: snapshot(), epoch: 2 });
  await finish(first); // The zombie's attempt is nothing.
  await finish(ownerIn(moved));
  const completed = await world.until('TaskCompleted', { taskId: snapshot() });
  expect(completed.data).toMatchObject({ epoch: 2, pointId: 'p1', result: { manifest } });
  expect((await world.until('TaskAdmitted', { taskId: snapshot() })).meta.correlationId).toBe(requestId);
});

it('the log is told how far a task is at most once in 5 s: the newest of what was told', async () => {
  await world.servedByA();
  await submit();
  const { nodeId, epoch } = ownerIn(await world.until('TaskStartConfirmed', { taskId: snapshot() }));
  for (const doneBytes of [100, 200, 300]) {
    const reached = { taskId: snapshot(), epoch, token: `${doneBytes}`, doneBytes, totalBytes: 1024 };
    await world.agent(nodeId, 'TaskCheckpointReached', reached);
  }
  const first = await world.until('TasksCheckpointed', { clusterId: world.clusterId });
  const second = await world.until('TasksCheckpointed', { clusterId: world.clusterId }, world.heard.indexOf(first) + 1);
  const at = ({ data }: { data: Record<string, unknown> }) => Date.parse(String(data['at']));
  expect(at(second) - at(first)).toBeGreaterThanOrEqual(5_000);
  expect(first.data).toMatchObject({ items: [{ doneBytes: 100 }] });
  expect(second.data).toMatchObject({ items: [{ doneBytes: 300 }] });
});

it('a snapshot is a backup that can be scrubbed, and deleted once nothing refers to it', async () => {
  await world.servedByA();
  await submit();
  await finish(ownerIn(await world.until('TaskStartConfirmed', { taskId: snapshot() })));
  await world.until('TaskCompleted', { taskId: snapshot() });
  await submit('scrub', 'scrub-1');
  const scrub = await world.until('TaskAssigned', { taskId: 'scrub-1' });
  expect(scrub.data).toMatchObject({ spec: { backup: { pointId: 'p1', epoch: 1, manifest } } });

  const remove = () =>
    world.request('BackupDeletionRequested', {
      ...{ clusterId: world.clusterId, systemId: world.systemId, pointId: 'p1' },
    });
  await remove();
  const refused = await world.until('BackupDeletionRejected', { systemId: world.systemId });
  expect(refused.data).toMatchObject({ reason: 'IN_USE', byTaskId: 'scrub-1' });
  const cancel = await world.request('TaskCancelRequested', { clusterId: world.clusterId, taskId: 'scrub-1' });
  const cancelled = await world.until('TaskCancelled', { taskId: 'scrub-1' });
  expect(cancelled.data).toMatchObject({ by: 'operator' });
  expect((await world.until('TaskRecalled', { taskId: 'scrub-1' })).meta.correlationId).toBe(cancel);
  await remove();
  await world.until('BackupDeletionConfirmed', { systemId: world.systemId, pointId: 'p1' });
});

it('a new system is restored from a backup, with the sizes that the backup has', async () => {
  await world.servedByA();
  await submit();
  await finish(ownerIn(await world.until('TaskStartConfirmed', { taskId: snapshot() })));
  await world.until('TaskCompleted', { taskId: snapshot() });
  const fromBackup = { systemId: world.systemId, pointId: 'p1' };
  const copy = { systemId: `${world.systemId}-copy`, clusterId: world.clusterId, volumes: [], fromBackup };
  await world.request('SystemRequested', copy);
  const order = await world.until('TaskAssigned', { taskId: `serve-${world.systemId}-copy` });
  const spec = {
    create: true,
    volumes: [{ volumeId: 'a', sizeBytes: 1024 }],
    fromBackup: { pointId: 'p1', manifest },
  };
  expect(order.data).toMatchObject({ spec });
  await world.request('SystemRequested', {
    ...copy,
    systemId: `${world.systemId}-x`,
    fromBackup: { ...fromBackup, pointId: 'px' },
  });
  const rejected = await world.until('SystemRejected', { systemId: `${world.systemId}-x` });
  expect(rejected.data).toMatchObject({ reason: 'UNKNOWN_BACKUP' });
});
