import { until, type TestNode } from './fixture';
import { LayeredSystem } from './layered-system.fixture';

jest.setTimeout(30_000);

/** More than five layers in use are folded here. */
describe('layers of a served system', () => {
  let system: LayeredSystem;
  let n1: TestNode;
  let n2: TestNode;
  beforeEach(async () => {
    system = await LayeredSystem.create();
    [n1, n2] = system.nodes;
  });
  afterEach(() => system.clear());

  const bothAre = (ks: string) => () => system.ks().every((one) => one === ks);

  it('are folded once there are too many that no pin needs, and deleted; nothing is lost', async () => {
    await system.freezeTimes(n1, 5);
    system.over(n1, 1, 2, 3, 4, 5);
    await until(bothAre('1,5,6,7'));
    expect(system.points()).toEqual(['p4', 'p5']); // those that can still be read
    await until(() => system.onMedium().join() === system.listed().join());
    const open = (await n1.serving.held()[0]!.daemon.openFiles()).map(({ file }) => file.split('/').at(-1));
    expect(open.filter((file) => /^v.*\.[234]\.e1/.test(file!))).toEqual([]);
    await system.readsBack(n1, 5);
    await n1.freeze('p6');
    expect(n1.lastTold()).toMatchObject({ type: 'PointFrozen', data: { k: 6 } });
    await system.takeOver(n1, n2, 2);
    await system.readsBack(n2, 5);
  });

  it('stay as they are where a point is pinned at them, and are folded below and above it', async () => {
    await system.freezeTimes(n1, 8);
    system.over(n1, 1, 2, 3, 5, 6, 7, 8);
    await until(bothAre('1,4,5,8,9,10'));
    expect(system.points()).toEqual(['p3', 'p4', 'p7', 'p8']);
    await system.readsBack(n1, 8);
    const reader = await system.read(n2, 'v1', [1, 4]);
    await reader.discard();
    system.over(n1, 4);
  });

  it('are left alone while a reader stands in the way, but for those above it; and folded when it is gone', async () => {
    await system.freezeTimes(n1, 8);
    const reader = await system.read(n2, 'v2', [1, 2, 3]);
    system.over(n1, 1, 2, 4, 5, 6, 7, 8);
    await until(() => n1.log.some((line) => line.includes('layers are left as they are for now')));
    await until(() => system.ks().join(' ') === '1,3,4,8,9,10 1,2,3,4,8,9,10');
    await reader.discard();
    system.over(n1, 3); // whatever happens next, it is looked at again
    await until(() => !system.ks()[1]!.includes('2'));
    await system.readsBack(n1, 8);
  });

  it('are folded though the pin went while the daemon was dead', async () => {
    await system.freezeTimes(n1, 6);
    n1.serving.held()[0]!.daemon.kill();
    await until(() => n1.serving.held().length === 0);
    system.over(n1, 1, 2, 3, 4, 5, 6);
    await until(() => system.pins().length === 0);
    await until(() => system.ks().every((ks) => ks.startsWith('1,6')));
    await system.readsBack(n1, 6);
  });

  it('are folded by whoever took them over, with those that it made itself', async () => {
    await system.freezeTimes(n1, 3);
    await system.untilReady(4);
    await system.takeOver(n1, n2, 2);
    for (const pointId of ['q1', 'q2', 'q3']) await n2.freeze(pointId, { epoch: 2 });
    n2.points.over('t1');
    await until(bothAre('1,7,8,9'));
    await until(() => system.onMedium().join() === system.listed().join());
    expect(n2.log).toEqual([]);
    await system.readsBack(n2, 3);
  });

  it('are served elsewhere after a planned stop amid a fold', async () => {
    await system.freezeTimes(n1, 6);
    system.over(n1, 1, 2, 3, 4, 5, 6);
    await n1.serving.recall({ taskId: 'serve-s1', systemId: 's1', epoch: 1 });
    expect(n1.lastTold()).toMatchObject({ type: 'TaskStopped' });
    await n2.serve(2);
    await system.readsBack(n2, 6);
  });
});
