import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ScrubResult, SnapshotResult } from '@holdfast/contracts';
import { damage, fill, hashesAtPoint, hashesInManifest, sealedPieces, wrongAtPoint } from '../support/backup';
import { cell, type CellContext } from '../support/cell';
import type { Fleet } from '../support/fleet';

const MIB = 1_048_576;
const SIZE_BYTES = 96 * MIB;
/** Slow enough for a killed node to be back before the next of its neighbours is killed. */
const BYTES_PER_SEC = 4 * MIB;
const WHILE_WORKING_MS = 90_000;

interface TaskView {
  taskId: string;
  nodeId: string;
  epoch: number;
  state: string;
  doneBytes: number;
  totalBytes: number;
}

const ofTask = (taskId: string) => (event: { data: Readonly<Record<string, unknown>> }) =>
  event.data['taskId'] === taskId;

/** Kills whoever works on the task once so much of it is done; answers with what it was then. */
async function killWorkerAt(fleet: Fleet, taskId: string, percent: number): Promise<TaskView> {
  let task!: TaskView;
  await fleet.until(`${percent} % of ${taskId} are done`, WHILE_WORKING_MS, async () => {
    task = await fleet.get<TaskView>(`/v1/tasks/${taskId}`);
    return task.state === 'running' && task.doneBytes * 100 >= task.totalBytes * percent;
  });
  const since = await fleet.position();
  const killedAt = Date.now();
  await fleet.lab('kill', `node/${task.nodeId}`);
  const begun = await fleet.event('TaskStartConfirmed', { since, match: ofTask(taskId) });
  expect(begun.data['epoch']).toBeGreaterThan(task.epoch);
  expect(begun.data['nodeId']).not.toBe(task.nodeId);
  console.log(`  ${percent} %: ${task.nodeId} killed, begun again after ${Date.parse(begun.at) - killedAt} ms`);
  return task;
}

async function repair(fleet: Fleet, { nodeId }: TaskView): Promise<void> {
  await fleet.lab('start', `node/${nodeId}`);
  await fleet.until(`${nodeId} is healthy again`, 60_000, async () =>
    (await fleet.nodes()).every(({ status }) => status === 'healthy'),
  );
}

async function submit(fleet: Fleet, body: object): Promise<string> {
  const since = await fleet.position();
  await fleet.request('/v1/tasks', { ...body, bytesPerSec: BYTES_PER_SEC });
  return (await fleet.event('TaskAdmitted', { since })).data['taskId'] as string;
}

/** A snapshot whose worker is killed three times: what it seals is what lay there at the point, and is sealed once. */
async function snapshotUnderKills({ fleet, systemId, since }: CellContext) {
  const medium = fleet.file.clusters[0]!.mediumPath;
  const { exports } = await fleet.system(systemId);
  await fill(exports[0]!.uri, SIZE_BYTES);
  const taskId = await submit(fleet, { kind: 'snapshot', systemId });
  const point = await fleet.event('PointConfirmed', { since, match: ofTask(taskId) });
  const { pointId, frozenAt } = point.data as { pointId: string; frozenAt: string };
  const expected = hashesAtPoint(join(medium, systemId), pointId);

  const folderOf = (epoch: number) => join(medium, 'backups', systemId, `${pointId}.e${epoch}`);
  const sealedEarlier = new Map<string, number>();
  for (const percent of [25, 50, 75]) {
    const killed = await killWorkerAt(fleet, taskId, percent);
    for (const [name, ino] of sealedPieces(folderOf(killed.epoch))) sealedEarlier.set(name, ino);
    await repair(fleet, killed);
  }
  const completed = await fleet.event('TaskCompleted', { since, match: ofTask(taskId), withinMs: WHILE_WORKING_MS });
  const { epoch, result } = completed.data as unknown as { epoch: number; result: SnapshotResult };
  const folder = folderOf(epoch);

  const manifest = readFileSync(join(folder, 'manifest.json'), 'utf8');
  expect(hashesInManifest(manifest)).toEqual(expected);
  expect(createHash('sha256').update(manifest).digest('hex')).toBe(result.manifest);
  // What was sealed before a kill was linked, not read again: less than a piece was done twice.
  expect([...sealedPieces(folder)]).toEqual(expect.arrayContaining([...sealedEarlier]));
  return { pointId, frozenAt, folder };
}

/** A scrub whose worker is killed midway finds what was damaged, and nothing else. */
async function scrubUnderKill({ fleet, systemId }: CellContext, made: { pointId: string; folder: string }) {
  for (const [piece, at] of [
    ['v1.1.piece', 4_711],
    ['v1.4.piece', 16 * MIB - 1],
  ] as const)
    damage(join(made.folder, piece), at);

  const since = await fleet.position();
  const taskId = await submit(fleet, { kind: 'scrub', systemId, pointId: made.pointId });
  await repair(fleet, await killWorkerAt(fleet, taskId, 50));
  const completed = await fleet.event('TaskCompleted', { since, match: ofTask(taskId), withinMs: WHILE_WORKING_MS });
  const { damaged, damagedPieces } = (completed.data as unknown as { result: ScrubResult }).result;
  expect({ damaged, damagedPieces }).toEqual({
    damaged: [
      { volumeId: 'v1', piece: 1 },
      { volumeId: 'v1', piece: 4 },
    ],
    damagedPieces: 2,
  });
}

let restored: { uri: string; frozenAt: string };

cell('task.running/kill-node', {
  clusterId: 'alpha',
  systemId: 'fault-5',
  sizeBytes: SIZE_BYTES,
  async fault(context) {
    const { fleet, systemId } = context;
    const made = await snapshotUnderKills(context);
    const fromBackup = { systemId, pointId: made.pointId };
    await fleet.perform('/v1/systems', { systemId: 'restored', clusterId: 'alpha', fromBackup });
    const { exports } = await fleet.system('restored');
    restored = { uri: exports[0]!.uri, frozenAt: made.frozenAt };
    await scrubUnderKill(context, made);
  },
  async after({ fleet }, _events, { ledger }) {
    expect(await wrongAtPoint(restored.uri, ledger, restored.frozenAt)).toEqual([]);
    for (const verb of ['retire', 'delete']) await fleet.perform(`/v1/systems/restored/${verb}`, {});
  },
});
