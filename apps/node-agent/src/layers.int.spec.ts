import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Chain } from './chain';
import { TestCluster, until, type TestNode } from './fixture';

describe('frozen layers, on real daemons', () => {
  let cluster: TestCluster;
  let n1: TestNode;
  let n2: TestNode;

  beforeEach(async () => {
    cluster = new TestCluster();
    n1 = await cluster.node(1);
    n2 = await cluster.node(2);
    await n1.serve(1, { create: true });
  });
  afterEach(() => cluster.clear());

  const chain = () => JSON.parse(readFileSync(join(cluster.systemFolder(), 'chain.json'), 'utf8')) as Chain;
  const block = (fill: number) => Buffer.alloc(4096, fill);

  it('freezes a point over all volumes, pins it, and tells its files', async () => {
    await n1.freeze('p1');
    expect(n1.lastTold()).toMatchObject({
      type: 'PointFrozen',
      data: {
        ...{ taskId: 't-1', systemId: 's1', epoch: 1, pointId: 'p1', k: 1 },
        volumes: [
          { volumeId: 'v1', files: ['v1.1.e1.qcow2'] },
          { volumeId: 'v2', files: ['v2.1.e1.qcow2'] },
        ],
      },
    });
    expect(chain()).toMatchObject({ points: [{ k: 1, pointId: 'p1' }], pins: [{ k: 1, by: 't-1' }] });
    await until(() => chain().volumes.every(({ layers }) => layers.length === 3)); // the next one is ready
  });
});
