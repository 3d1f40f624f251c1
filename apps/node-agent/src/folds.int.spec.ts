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

  it('are left alone where they belong to a pinned point, and folded above it', async () => {
    await system.freezeTimes(n1, 8);
    const ofPoint = system.listed().filter((file) => /\.[123]\./.test(file));
    system.over(n1, 1, 2, 4, 5, 6, 7, 8);
    await until(bothAre('1,2,3,4,8,9,10'));
    expect(system.points()).toEqual(['p1', 'p2', 'p3', 'p7', 'p8']);
    expect(system.listed()).toEqual(expect.arrayContaining(ofPoint));
  });

  it('are left alone while a reader stands in the way, and folded when it is gone', async () => {
    await system.freezeTimes(n1, 5);
    const reader = await system.read(n2, 'v2', [1, 2]);
    system.over(n1, 1, 2, 3, 4, 5);
    await until(() => n1.log.some((line) => line.includes('layers are left as they are for now')));
    expect(system.ks()).toEqual(['1,5,6,7', '1,2,3,4,5,6,7']);
    await reader.discard();
    system.over(n1, 1); // whatever happens next, it is looked at again
    await until(bothAre('1,5,6,7'));
    await system.readsBack(n1, 5);
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
