import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { serveSpec } from '@holdfast/contracts';
import { NbdClient } from '@holdfast/nbd';
import { SERVING_PORT } from './engine.driver';
import { MIB, sha256 } from './manifest';
import type { HeardOrder } from './order.rules';
import { flipByte, TaskCluster } from './task-cluster.fixture';

/** A system made from a backup, by workers as processes with real daemons. */
describe('a restore', () => {
  let cluster: TaskCluster;

  let original: TaskCluster;
  beforeAll(async () => {
    original = new TaskCluster();
    await original.system({ v1: 36 * MIB, v2: 20 * MIB + 4096 });
    await original.backup();
  });
  afterAll(() => original.clear());

  beforeEach(() => (cluster = original.copy()));
  afterEach(() => cluster.clear());

  const restored = (epoch: number): HeardOrder => {
    const volumes = [...cluster.content].map(([volumeId, { length }]) => ({ volumeId, sizeBytes: length }));
    const fromBackup = { systemId: 's1', pointId: 'p1', epoch: 1, manifest: sha256(cluster.manifest()) };
    const spec = serveSpec.parse({ systemId: 's2', address: '127.76.0.2', volumes, create: true, fromBackup });
    return { taskId: 'serve-s2', systemId: 's2', epoch, spec, nodeIncarnation: null };
  };
  const read = async (node: number, volumeId: string) => {
    const nbd = await NbdClient.connect({ host: cluster.address(node), port: SERVING_PORT }, volumeId);
    const bytes = [];
    for (let offset = 0; offset < nbd.sizeBytes; offset += MIB)
      bytes.push(await nbd.read(offset, Math.min(MIB, nbd.sizeBytes - offset)));
    nbd.close();
    return Buffer.concat(bytes);
  };
  const expectEqual = async (node: number) => {
    for (const [volumeId, content] of cluster.content) expect((await read(node, volumeId)).equals(content)).toBe(true);
  };

  it('is equal to the point byte for byte, and carries the hash that it was checked against', async () => {
    const n1 = await cluster.node(1);
    n1.say({ serve: restored(1) });
    expect(await n1.untilTold('TaskTaken', 1)).toMatchObject({ manifest: sha256(cluster.manifest()) });
    await expectEqual(1);
    expect(n1.observed[0]).toMatchObject({ taskId: 'serve-s2', epoch: 1, totalBytes: 56 * MIB + 4096 });
  });

  it('begins from zero at the next epoch when its node is killed midway', async () => {
    const n1 = await cluster.node(1);
    const images = () => readdirSync(join(cluster.medium, 's2')).filter((name) => name.endsWith('.e1.qcow2'));
    n1.say({ serve: restored(1) });
    await n1.until(() => n1.observed.length > 0);
    await n1.kill();
    expect(images()).toHaveLength(2);
    const n2 = await cluster.node(2);
    n2.say({ serve: restored(2) });
    await n2.untilTold('TaskTaken', 2);
    await expectEqual(2);
    expect(images()).toEqual([]);
  });

  it.each([
    ['a piece that differs', () => flipByte(join(cluster.attempt(1), 'v1.2.piece'), 5 * 4096)],
    ['a piece that is gone', () => rmSync(join(cluster.attempt(1), 'v2.0.piece'))],
    ['a manifest that differs', () => flipByte(join(cluster.attempt(1), 'manifest.json'), 40)],
    ['a backup that is gone', () => renameSync(cluster.attempt(1), `${cluster.attempt(1)}.away`)],
  ])('is declined for %s, and nothing is served', async (_what, spoil) => {
    spoil();
    const n1 = await cluster.node(1);
    n1.say({ serve: restored(1) });
    expect(await n1.untilTold('TaskDeclined', 1)).toMatchObject({ code: 'BACKUP_DAMAGED' });
    expect(readdirSync(join(cluster.medium, 's2'))).not.toContain('chain.json');
    expect(readdirSync(join(cluster.root, 'n1', 'run'))).toEqual([]);
  });
});
