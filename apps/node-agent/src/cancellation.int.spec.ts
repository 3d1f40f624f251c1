import { StorageDaemon } from './engine.driver';
import { TestCluster, until, type TestNode } from './fixture';
import { daemonsBelow, isAlive } from './process-identity';

describe('a system whose serving is cancelled', () => {
  let cluster: TestCluster;
  let n1: TestNode;

  beforeEach(async () => {
    cluster = new TestCluster();
    n1 = await cluster.node(1);
    await n1.serve(1, { create: true });
  });
  afterEach(() => cluster.clear());

  const cancel = (node: TestNode) => node.serving.cancel({ taskId: 'serve-s1', systemId: 's1' });
  const successor = async () => {
    await n1.die();
    const after = await cluster.node(1);
    const adopted = await after.adopt();
    return { after, adopted };
  };

  it('is served no more, neither by this agent nor by the next', async () => {
    await cancel(n1);
    await expect(n1.connect()).rejects.toMatchObject({ code: 'NBD_UNREACHABLE' });
    expect(n1.told().map(({ type }) => type)).toEqual(['TaskTaken']);
    const { after, adopted } = await successor();
    await after.die();
    expect([adopted, daemonsBelow(n1.runFolder)]).toEqual([[], []]);
  });

  it('is adopted by nobody when the agent dies before its daemon has stopped', async () => {
    const { daemon } = n1.serving.held()[0]!;
    let die!: () => void;
    const stop = () => new Promise<void>((resolve) => (die = resolve));
    jest.spyOn(StorageDaemon.prototype, 'stop').mockImplementationOnce(stop);
    const cancelled = cancel(n1);
    await until(() => n1.journal.state.serving.size === 0);
    daemon.detach();
    die();
    await cancelled;
    expect(isAlive(daemon.identity)).toBe(true);
    expect([(await successor()).adopted, isAlive(daemon.identity)]).toEqual([[], false]);
  });

  it('is served no more where a newer order was declined and the older daemon ran on', async () => {
    n1.watchdogAlive = false;
    await n1.serve(2);
    expect(n1.serving.held()).toHaveLength(1);
    await cancel(n1);
    const { after, adopted } = await successor();
    await after.die();
    expect([adopted, daemonsBelow(n1.runFolder)]).toEqual([[], []]);
  });

  it('is not taken up by an order that was under way, and that is not declined either', async () => {
    n1.watchdogAlive = false;
    const ordered = n1.serve(2);
    await until(() => n1.journal.state.serving.get('serve-s1')?.epoch === 2);
    await cancel(n1);
    await ordered;
    expect([n1.serving.held(), [...n1.journal.state.serving]]).toEqual([[], []]);
    expect(n1.told().map(({ type }) => type)).toEqual(['TaskTaken']);
  });

  it('is served by an order that came after, for its name was given again', async () => {
    const [cancelled, ordered] = [cancel(n1), n1.serve(2)];
    await Promise.all([cancelled, ordered]);
    expect(n1.lastTold()).toMatchObject({ type: 'TaskTaken', data: { epoch: 2 } });
    const { adopted } = await successor();
    expect(adopted).toEqual([{ systemId: 's1', epoch: 2 }]);
  });

  it('is nothing to a node that has nothing to do with it', async () => {
    const n2 = await cluster.node(2);
    await cancel(n2);
    expect(n2.journal.state.epochs.size).toBe(0);
    expect(n1.serving.held()).toHaveLength(1);
  });
});
