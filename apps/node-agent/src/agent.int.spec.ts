import { spawn } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { retried, RoamingClient, WriterProbe } from './clients.fixture';
import { serveOrder, until } from './fixture';
import { dataOf, send, type ControlPlane, type NodeProcess } from './node-process.fixture';
import { ProcessCluster } from './process-cluster.fixture';

jest.setTimeout(60_000);

describe('agent and watchdog', () => {
  const cluster = new ProcessCluster();
  let plane: ControlPlane;
  let n1: NodeProcess;
  let n2: NodeProcess;
  /** On a medium of its own: what its watchdog takes 5 s and 10 s for begins early, and is looked at late. */
  let n3: NodeProcess;
  let mediumOfN3: string;
  const incarnations = new Map<string, string>();

  beforeAll(async () => {
    await cluster.start();
    ({ plane, n1, n2 } = cluster);
    const root = join(cluster.root, 'apart');
    mediumOfN3 = join(root, 'medium/alpha');
    mkdirSync(mediumOfN3, { recursive: true });
    n3 = cluster.startNode(3, { root });
    await started('n3', 1);
  });
  afterAll(() => cluster.clear());

  const told = (type: string, nodeId: string, epoch?: number) =>
    plane.events(type, nodeId).find((event) => epoch === undefined || dataOf(event)['epoch'] === epoch);
  const untilTold = async (type: string, nodeId: string, epoch?: number) => {
    await plane.until(() => told(type, nodeId, epoch) !== undefined);
    return dataOf(told(type, nodeId, epoch)!);
  };
  const started = (nodeId: string, times: number) =>
    plane.until(() => plane.events('NodeStarted', nodeId).length >= times);
  const connect = (node: number) => cluster.connect(node);
  const order = (epoch: number, nodeId: string, more: object = {}) => {
    const { taskId, spec } = serveOrder(epoch, { create: epoch === 1 });
    const from = 'fromNodeId' in more ? { cause: 'operator' } : { cause: 'admitted' };
    return {
      ...{ clusterId: 'alpha', taskId, kind: 'serve', subject: 'system/s1', nodeId, epoch, spec, placement: null },
      ...{ nodeIncarnation: null, at: new Date().toISOString(), ...from, ...more },
    };
  };

  it('tells its start and its inventory, and beats each second, with its watchdog alive', async () => {
    expect(await untilTold('NodeStarted', 'n1')).toMatchObject({ journal: 'new', held: [], adopted: [] });
    expect(await untilTold('NodeInventoryReported', 'n1')).toMatchObject({ kinds: ['serve', 'snapshot', 'scrub'] });
    await plane.until(() => plane.beats('n1').some((beat) => dataOf(beat)['watchdogAlive'] === true));
    expect(dataOf(plane.beats('n1').at(-1)!)).toMatchObject({
      engine: { state: 'ok' },
      media: [{ mediaId: 'alpha', state: 'ok' }],
      probes: [],
    });
    for (const node of ['n1', 'n2']) {
      await started(node, 1);
      incarnations.set(node, dataOf(plane.events('NodeStarted', node)[0]!)['incarnation'] as string);
    }
  });

  it('serves what it is ordered to, and says which request that came from', async () => {
    await plane.order('routing-table-alpha', { type: 'TaskAssigned', data: order(1, 'n1') });
    expect(await untilTold('TaskTaken', 'n1', 1)).toMatchObject({ incarnation: incarnations.get('n1') });
    const fact = told('TaskTaken', 'n1', 1)!;
    expect(fact.meta.correlationId).toBeDefined();
    expect(fact.stream).toMatch(/^agent-n1-/);
    (await connect(1)).close();
  });

  it('serves until its medium goes away', async () => {
    const { taskId, spec } = serveOrder(1, { create: true, systemId: 's3' });
    const s3 = { taskId, subject: 'system/s3', spec: { ...spec, address: cluster.address(3) } };
    await plane.order('routing-table-alpha', { type: 'TaskAssigned', data: order(1, 'n3', s3) });
    await untilTold('TaskTaken', 'n3', 1);
    renameSync(mediumOfN3, `${mediumOfN3}.away`);
  });

  it('probes its peers by the plan, over the data path', async () => {
    const edges = [{ fromNodeId: 'n1', toNodeId: 'n2', dataAddress: cluster.address(102) }];
    const plan = { clusterId: 'alpha', at: new Date().toISOString(), edges };
    await plane.order('cluster-health-alpha', { type: 'ProbePlanIssued', data: plan });
    const reached = () => JSON.stringify(dataOf(plane.beats('n1').at(-1)!)['probes']).includes('"reached"');
    await plane.until(reached);
    n2.signalAll('SIGSTOP');
    await plane.until(() => JSON.stringify(dataOf(plane.beats('n1').at(-1)!)['probes']).includes('"timeout"'));
    n2.signalAll('SIGCONT');
    await plane.until(reached);
  });

  const watchdogOfN2Lives = () => dataOf(plane.beats('n2').at(-1)!)['watchdogAlive'];
  it('says with each beat that its watchdog lives, until it is killed', async () => {
    await plane.until(() => watchdogOfN2Lives() === true);
    send(n2.watchdogPid, 'SIGKILL'); // noticed after 3 s: looked at below
  });

  it('is adopted without its clients noticing when the agent is killed', async () => {
    const nbd = await connect(1);
    const daemon = n1.daemonPid('s1.e1');
    const agent = n1.agentPid()!;
    send(agent, 'SIGKILL');
    for (let i = 0; plane.events('NodeStarted', 'n1').length < 2; i++)
      await nbd.write((i % 256) * 4096, Buffer.alloc(4096, i));
    expect(dataOf(plane.events('NodeStarted', 'n1')[1]!)).toMatchObject({
      journal: 'kept',
      held: [{ taskId: 'serve-s1', epoch: 1 }],
      adopted: [{ systemId: 's1', epoch: 1 }],
    });
    expect(n1.daemonPid('s1.e1')).toBe(daemon);
    await nbd.write(0, Buffer.alloc(4096));
    nbd.close();
  });

  it('goes on with the running agent when the watchdog is killed and started again', async () => {
    const agent = n2.agentPid();
    await plane.until(() => watchdogOfN2Lives() === false);
    n2.start();
    await plane.until(() => watchdogOfN2Lives() === true);
    expect(n2.agentPid()).toBe(agent);
  });

  let silent: number;
  it('has its watchdog kill a daemon whose medium is unread for 5 s', async () => {
    const stateOfMedium = () => (dataOf(plane.beats('n3').at(-1)!)['media'] as { state: string }[])[0]!.state;
    await plane.until(() => stateOfMedium() === 'dead');
    await until(() => n3.daemonPid('s3.e1') === undefined);
    expect(await untilTold('TaskFaulted', 'n3', 1)).toMatchObject({ errorClass: 'node' });
    renameSync(`${mediumOfN3}.away`, mediumOfN3);
    await plane.until(() => stateOfMedium() === 'ok');
    send((silent = n3.agentPid()!), 'SIGSTOP');
  });

  it('kills a daemon that nobody adopted', async () => {
    const folder = join(n1.stateFolder, 'run', 's7.e1');
    mkdirSync(folder, { recursive: true });
    const orphan = spawn('qemu-storage-daemon', ['--pidfile', join(folder, 'pid')], { stdio: 'ignore' });
    const ended = new Promise((resolve) => orphan.once('exit', (_, signal) => resolve(signal)));
    await until(() => n1.processes().length > 0);
    await new Promise((resolve) => setTimeout(resolve, 1_100)); // what is younger than a second is spared
    send(n1.agentPid(), 'SIGKILL');
    expect(await ended).toBe('SIGKILL');
    await started('n1', 3);
  });

  it('loses nothing acknowledged in a takeover under writes, and the passed daemon is killed', async () => {
    const acknowledged = new Map<number, number>();
    let last = { block: -1, fill: -1 }; // cut off before its answer, it may stand or not: nobody was told
    const nbd = await connect(1);
    const writing = (async () => {
      for (let i = 0; ; i++) {
        const { block, fill } = (last = { block: i % 512, fill: i % 251 });
        await nbd.write(block * 4096, Buffer.alloc(4096, fill));
        acknowledged.set(block, fill);
      }
    })().catch(() => undefined);
    await until(() => acknowledged.size > 100);
    await plane.order('routing-table-alpha', { type: 'TaskMoved', data: order(2, 'n2', { fromNodeId: 'n1' }) });
    await untilTold('TaskTaken', 'n2', 2);
    await writing;
    expect(n1.daemonPid('s1.e1')).toBeUndefined();
    const after = await connect(2);
    for (const [block, fill] of acknowledged) {
      const stored = await after.read(block * 4096, 4096);
      const allowed = [fill, ...(block === last.block ? [last.fill] : [])].map((byte) => Buffer.alloc(4096, byte));
      expect([block, allowed.some((whole) => stored.equals(whole))]).toEqual([block, true]);
    }
    after.close();
  });

  it('waits for the lock of a paused node, and kills the passed daemon once that node wakes: never two writers', async () => {
    const asleep = n2.daemonPid('s1.e2')!;
    n2.signalAll('SIGSTOP');
    await plane.order('routing-table-alpha', { type: 'TaskMoved', data: order(3, 'n1', { fromNodeId: 'n2' }) });
    expect(await untilTold('TaskBlocked', 'n1', 3)).toMatchObject({ waitsFor: 'mediumLock' });
    expect(told('TaskTaken', 'n1', 3)).toBeUndefined();
    n2.signalAll('SIGCONT');
    await untilTold('TaskTaken', 'n1', 3);
    expect(n2.processes().some(({ pid }) => pid === asleep)).toBe(false);
  });

  it('restarts a daemon that hangs in place, once its deadline has passed', async () => {
    const hung = n1.daemonPid('s1.e3')!;
    send(hung, 'SIGSTOP');
    const nbd = await retried(() => connect(1));
    nbd.close();
    expect(n1.daemonPid('s1.e3')).not.toBe(hung);
  });

  it('loses nothing and never lets two serve, over takeovers with kills and pauses', async () => {
    const client = new RoamingClient(cluster.addresses, 'v2');
    const probe = new WriterProbe(cluster.addresses, 'v1');
    const writing = client.run();
    let epoch = 3;
    for (let round = 0; round < 8; round++) {
      const from = [n1, n2][round % 2]!;
      const to = [n2, n1][round % 2]!;
      const fault = ['none', 'killDaemon', 'pauseDaemon', 'pauseNode'][round % 4];
      if (fault === 'killDaemon') send(from.daemonPid(`s1.e${epoch}`), 'SIGKILL');
      if (fault === 'pauseDaemon') send(from.daemonPid(`s1.e${epoch}`), 'SIGSTOP');
      if (fault === 'pauseNode') from.signalAll('SIGSTOP');
      epoch++;
      const moved = { fromNodeId: from.o.nodeId };
      await plane.order('routing-table-alpha', { type: 'TaskMoved', data: order(epoch, to.o.nodeId, moved) });
      if (fault === 'pauseNode') {
        await untilTold('TaskBlocked', to.o.nodeId, epoch);
        from.signalAll('SIGCONT');
      }
      await untilTold('TaskTaken', to.o.nodeId, epoch);
      const { acks } = client;
      await until(() => client.acks > acks);
    }
    client.stop();
    await writing;
    expect(await probe.stop()).toEqual([]);
    expect(await client.lost(await retried(() => client.connect()))).toEqual([]);
    await plane.order('routing-table-alpha', { type: 'TaskMoved', data: order(epoch + 1, 'n1', { fromNodeId: 'n1' }) });
    await untilTold('TaskTaken', 'n1', epoch + 1);
  });

  it('serves on while Kafka is dead, and then tells everything in order', async () => {
    await cluster.broker.kill();
    const nbd = await connect(1);
    send(n1.agentPid(), 'SIGKILL');
    const agent = n1.agentPid();
    await until(() => n1.agentPid() !== undefined && n1.agentPid() !== agent);
    await nbd.write(0, Buffer.alloc(4096, 42));
    expect((await nbd.read(0, 4096)).equals(Buffer.alloc(4096, 42))).toBe(true);
    nbd.close();
    await cluster.broker.restart();
    await started('n1', 4);
    const versions = [
      ...new Set(
        plane.heard.flatMap((one) => (one.kind === 'event' && dataOf(one)['nodeId'] === 'n1' ? [one.version] : [])),
      ),
    ];
    expect(versions).toEqual(versions.map((_, i) => i + 1));
  });

  it('asks for what is missing of its orders, and obeys it in order', async () => {
    // The order is held back, and the stop above it comes first: it must not be carried out before the order.
    const held = plane.head('routing-table-alpha') + 1;
    const epoch = 20;
    const recall = {
      ...{ clusterId: 'alpha', taskId: 'serve-s1', kind: 'serve', subject: 'system/s1' },
      nodeId: 'n1',
      epoch,
    };
    await plane.order(
      'routing-table-alpha',
      { type: 'TaskRecalled', data: { ...recall, cause: 'operator', at: new Date().toISOString() } },
      held + 1,
    );
    await plane.until(() =>
      plane.heard.some(
        (one) => one.kind === 'sample' && one.type === 'ReplayRequested' && dataOf(one)['fromVersion'] === held,
      ),
    );
    await plane.order('routing-table-alpha', { type: 'TaskAssigned', data: order(epoch, 'n1') }, held);
    await untilTold('TaskStopped', 'n1', epoch);
    await expect(connect(1)).rejects.toMatchObject({ code: 'NBD_UNREACHABLE' });
  });

  it('answers a replay from its journal', async () => {
    const { stream } = plane.events('NodeStarted', 'n1')[0]!;
    const copies = () =>
      plane.heard.filter((one) => one.kind === 'event' && one.stream === stream && one.version <= 3).length;
    const before = copies();
    await plane.ask({ stream, fromVersion: 1, toVersion: 3 });
    await plane.until(() => copies() === before + 3);
    await plane.ask({ stream, fromVersion: 9_000, toVersion: 9_001 });
    await plane.until(() => plane.heard.some((one) => one.kind === 'sample' && one.type === 'ReplayRefused'));
  });

  it('begins a new stream when its journal was lost', async () => {
    const before = plane.events('NodeStarted', 'n2').length;
    const agent = n2.agentPid();
    rmSync(join(n2.stateFolder, 'journal'));
    send(agent, 'SIGKILL');
    await started('n2', before + 1);
    const last = plane.events('NodeStarted', 'n2').at(-1)!;
    expect(dataOf(last)).toMatchObject({ journal: 'new' });
    expect([last.version, last.stream === plane.events('NodeStarted', 'n2')[0]!.stream]).toEqual([1, false]);
  });

  it('has its watchdog kill an agent that is silent for 10 s', async () => {
    await until(() => n3.agentPid() !== silent);
  });
});
