import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { NbdClient } from '@holdfast/nbd';
import { until } from './fixture';
import { dataOf, type ControlPlane, type NodeProcess } from './node-process.fixture';
import { ProcessCluster } from './process-cluster.fixture';

jest.setTimeout(60_000);

const MIB = 1 << 20;

/** Background work as it is ordered, told, and taken over. */
describe('background work of a node', () => {
  const cluster = new ProcessCluster();
  let plane: ControlPlane;
  let n1: NodeProcess;
  let n2: NodeProcess;
  const volumes = [
    { volumeId: 'v1', sizeBytes: 64 * MIB },
    { volumeId: 'v2', sizeBytes: 20 * MIB },
  ];

  beforeAll(async () => {
    await cluster.start();
    ({ plane, n1, n2 } = cluster);
  });
  afterAll(() => cluster.clear());

  const at = () => new Date().toISOString();
  const ordered = (type: string, data: object) =>
    plane.order('routing-table-alpha', { type, data: { clusterId: 'alpha', at: at(), ...data } });
  const told = (type: string, taskId: string, epoch: number) =>
    ['n1', 'n2']
      .flatMap((nodeId) => plane.events(type, nodeId))
      .map(dataOf)
      .find((data) => data['taskId'] === taskId && data['epoch'] === epoch);
  const untilTold = async (type: string, taskId: string, epoch: number) => {
    await plane.until(() => told(type, taskId, epoch) !== undefined);
    return told(type, taskId, epoch)!;
  };
  const samplesOf = (taskId: string, epoch: number) =>
    plane.heard
      .filter((one) => one.kind === 'sample' && one.type === 'TaskProgressObserved')
      .map(dataOf)
      .filter((data) => data['taskId'] === taskId && data['epoch'] === epoch);
  const serve = (nodeId: string, epoch: number) => ({
    ...{ taskId: 'serve-s1', kind: 'serve', subject: 'system/s1', nodeId, nodeIncarnation: null, epoch },
    ...{ spec: { systemId: 's1', address: '127.77.0.1', volumes, create: true }, placement: null, cause: 'admitted' },
  });
  let undisturbed: string;
  const attempts = () => readdirSync(join(cluster.medium, 'backups/s1')).sort();
  const named = (taskId: string, nodeId: string, epoch: number) => ({
    ...{ taskId, kind: 'snapshot', subject: 'system/s1', nodeId, epoch },
  });
  const snapshot = (
    taskId: string,
    { nodeId, epoch, rate = 64 * MIB }: { nodeId: string; epoch: number; rate?: number },
  ) => ({
    ...{ taskId, kind: 'snapshot', subject: 'system/s1', nodeId, nodeIncarnation: null, epoch, placement: null },
    ...{ spec: { systemId: 's1', pointId: 'p1', bytesPerSec: rate }, cause: 'admitted' },
  });

  it('offers its kinds', () => {
    expect(dataOf(plane.events('NodeInventoryReported', 'n1')[0]!)).toMatchObject({
      kinds: ['serve', 'snapshot', 'scrub'],
    });
  });

  it('takes, tells how far it is, and finishes a snapshot of a frozen point', async () => {
    await ordered('TaskAssigned', serve('n1', 1));
    await untilTold('TaskTaken', 'serve-s1', 1);
    for (const { volumeId } of volumes) await fill(await cluster.connect(1, volumeId), volumeId);
    await ordered('PointOrdered', { taskId: 't-1', systemId: 's1', pointId: 'p1', nodeId: 'n1', epoch: 1 });
    await untilTold('PointFrozen', 't-1', 1);

    await ordered('TaskAssigned', snapshot('t-1', { nodeId: 'n2', epoch: 1 }));
    await untilTold('TaskTaken', 't-1', 1);
    const { nodeId, doneBytes, result } = await untilTold('TaskFinished', 't-1', 1);
    expect({ nodeId, doneBytes, result }).toEqual({
      nodeId: 'n2',
      doneBytes: 84 * MIB,
      result: { manifest: expect.stringMatching(/^[0-9a-f]{64}$/), volumes, pieces: 6, bytes: 42 * MIB },
    });
    expect(samplesOf('t-1', 1)[0]).toMatchObject({ nodeId: 'n2', totalBytes: 84 * MIB });
    undisturbed = (result as { manifest: string }).manifest;
  });

  it('is carried on by another node when its own is killed, and ends as if nothing had been', async () => {
    await ordered('TaskAssigned', snapshot('t-2', { nodeId: 'n2', epoch: 5, rate: 8 * MIB }));
    await untilTold('TaskCheckpointReached', 't-2', 5);
    n2.signalAll('SIGKILL');
    await ordered('TaskMoved', { ...snapshot('t-2', { nodeId: 'n1', epoch: 6 }), fromNodeId: 'n2', cause: 'nodeDown' });
    await plane.until(() => samplesOf('t-2', 6).length > 0);
    expect(await untilTold('TaskFinished', 't-2', 6)).toMatchObject({ result: { manifest: undisturbed } });
  });

  it('names what it held when its agent starts again, and resumes nothing by itself', async () => {
    const before = plane.events('NodeStarted', 'n2').length;
    n2.start();
    await plane.until(() => plane.events('NodeStarted', 'n2').length > before);
    expect(dataOf(plane.events('NodeStarted', 'n2').at(-1)!)).toMatchObject({ held: [{ taskId: 't-2', epoch: 5 }] });
    expect(n2.processes().filter(({ command }) => command.includes('reader@'))).toEqual([]);
  });

  it('drops the other attempts once one is the result, where the system is served', async () => {
    const result = told('TaskFinished', 't-2', 6)!['result'];
    const done = { doneBytes: 84 * MIB, durationMs: 1, systemId: 's1', pointId: 'p1' };
    await ordered('TaskCompleted', { ...named('t-2', 'n1', 6), result, ...done });
    await until(() => attempts().join() === 'p1.e6');
  });

  it('stops at once when its task is cancelled, and takes away what it had made of it', async () => {
    await ordered('TaskAssigned', snapshot('t-3', { nodeId: 'n1', epoch: 7, rate: 1 * MIB }));
    await untilTold('TaskTaken', 't-3', 7);
    const { nodeId: _node, epoch: _epoch, ...task } = named('t-3', 'n1', 7);
    await ordered('TaskCancelled', { ...task, by: 'operator', systemId: 's1', pointId: 'p1' });
    await until(() => !n1.processes().some(({ command }) => command.includes('reader@')));
    await until(() => attempts().join() === 'p1.e6');
    expect(told('TaskFinished', 't-3', 7)).toBeUndefined();
  });

  it('deletes a backup with every attempt at it, and says so each time it is told', async () => {
    const deletion = { systemId: 's1', pointId: 'p1', nodeId: 'n2', requestId: randomUUID() };
    for (const times of [1, 2]) {
      await ordered('BackupDeletionOrdered', deletion);
      await plane.until(() => plane.events('BackupDeleted', 'n2').length === times);
      expect(attempts()).toEqual([]);
    }
  });
});

/** Data in every piece, and holes between. */
async function fill(nbd: NbdClient, volume: string): Promise<void> {
  for (let offset = 0; offset < nbd.sizeBytes; offset += 2 * MIB)
    await nbd.write(offset, Buffer.alloc(MIB, `${volume} at ${offset} `));
  await nbd.flush();
  nbd.close();
}
