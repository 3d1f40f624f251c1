import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { MIB, sha256 } from './manifest';
import { flipByte, TaskCluster } from './task-cluster.fixture';

/** Workers as processes, over a backup that one of them made. */
describe('a scrub', () => {
  let cluster: TaskCluster;
  let original: TaskCluster;
  beforeAll(async () => {
    original = new TaskCluster();
    await original.system({ v1: 100 * MIB, v2: 20 * MIB + 4096 });
    await original.backup();
  });
  afterAll(() => original.clear());

  beforeEach(() => (cluster = original.copy()));
  afterEach(() => cluster.clear());

  const planted = [
    { volumeId: 'v1', piece: 2 },
    { volumeId: 'v1', piece: 4 },
    { volumeId: 'v1', piece: 5 },
    { volumeId: 'v2', piece: 0 },
  ];
  /** A flipped bit, a file cut short, a hole that holds something, a file that is gone. */
  const plant = () => {
    const [flipped, shortened, hole, gone] = planted.map(({ volumeId, piece }) =>
      join(cluster.attempt(1), `${volumeId}.${piece}.piece`),
    ) as [string, string, string, string];
    flipByte(flipped, 5 * 4096);
    truncateSync(shortened, 16 * MIB - 1);
    flipByte(hole, MIB + 77);
    rmSync(gone);
  };

  it('finds a whole backup clean', async () => {
    const n2 = await cluster.node(2);
    n2.say({ order: cluster.scrub(1) });
    const { size } = cluster.pieces(1);
    expect(await n2.untilTold('TaskFinished', 1)).toMatchObject({
      result: { manifest: sha256(cluster.manifest()), pieces: size, damagedPieces: 0, damaged: [] },
    });
  });

  it('names each damaged piece, whatever is wrong with it', async () => {
    plant();
    const n2 = await cluster.node(2);
    n2.say({ order: cluster.scrub(1) });
    expect(await n2.untilTold('TaskFinished', 1)).toMatchObject({ result: { damagedPieces: 4, damaged: planted } });
  });

  it('goes on at the next piece when its worker is killed, and lists the same', async () => {
    plant();
    const total = 100 * MIB - 16 * MIB + 20 * MIB + 4096;
    let before = 0;
    for (const [i, share] of [0.25, 0.5, 0.75].entries()) {
      const node = await cluster.node(i + 2);
      node.say({ order: cluster.scrub(i + 1, { rate: 96 * MIB }) });
      await node.until(() =>
        node.told.some(
          ({ type, data }) => type === 'TaskCheckpointReached' && Number(data['doneBytes']) >= share * total,
        ),
      );
      const reached = node.told.filter(({ type }) => type === 'TaskCheckpointReached').at(-1)!;
      await node.kill();
      expect(node.find('TaskFinished', i + 1)).toBeUndefined();
      // What the owner before had read is not read again.
      expect(Number(node.observed[0]!['doneBytes'])).toBeGreaterThanOrEqual(before);
      before = Number(reached.data['doneBytes']);
    }
    const n5 = await cluster.node(5);
    n5.say({ order: cluster.scrub(4) });
    expect(await n5.untilTold('TaskFinished', 4)).toMatchObject({ result: { damagedPieces: 4, damaged: planted } });
  });

  it('finds every piece damaged where the manifest is not the one that was made', async () => {
    flipByte(join(cluster.attempt(1), 'manifest.json'), 40);
    const n2 = await cluster.node(2);
    n2.say({ order: cluster.scrub(1) });
    const { size } = cluster.pieces(1);
    expect(await n2.untilTold('TaskFinished', 1)).toMatchObject({ result: { pieces: size, damagedPieces: size } });
    rmSync(cluster.attempt(1), { recursive: true });
    n2.say({ order: cluster.scrub(2) });
    expect(await n2.untilTold('TaskFinished', 2)).toMatchObject({ result: { damagedPieces: 1, damaged: [] } });
  });
});
