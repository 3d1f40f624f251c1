import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serveSpec } from '@holdfast/contracts';
import type { NbdClient } from '@holdfast/nbd';
import type { Chain } from './chain';
import { retried, RoamingClient, WriterProbe } from './clients.fixture';
import { until } from './fixture';
import { dataOf, send, type NodeProcess } from './node-process.fixture';
import { ProcessCluster } from './process-cluster.fixture';
import { QmpClient } from './qmp';

jest.setTimeout(30_000);

const MIB = 1 << 20;
/** `v1`: what is folded, long enough to be met amid it; `v2`: a client's, `v3`: a probe's. */
const volumes = Object.entries({ v1: 128, v2: 8, v3: 1 }).map(([volumeId, mib]) => ({
  volumeId,
  sizeBytes: mib * MIB,
}));

/** The other node takes the system over meanwhile. No two ever write, and nothing that was acknowledged is lost. */
describe('an agent that sleeps or dies amid a change of the list', () => {
  const cluster = new ProcessCluster();
  let owner: NodeProcess;
  let other: NodeProcess;
  let epoch = 1;
  let client: RoamingClient;
  let probe: WriterProbe;
  let writing: Promise<void>;

  beforeAll(async () => {
    const bin = join(cluster.root, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'qemu-img'), patientQemuImg, { mode: 0o755 });
    await cluster.start({ PATH: `${bin}:${process.env['PATH']}`, HOLDFAST_AGENT_FOLD_ABOVE_LAYERS: '2' });
    ({ n1: owner, n2: other } = cluster);
    await order('TaskAssigned', { ...serve(), cause: 'admitted' });
    await untilTold(owner, 'TaskTaken', { epoch });
  });
  afterAll(() => cluster.clear());
  beforeEach(() => {
    client = new RoamingClient(cluster.addresses, 'v2');
    probe = new WriterProbe(cluster.addresses, 'v3');
    writing = client.run();
  });
  afterEach(async () => {
    client.stop();
    await Promise.all([writing, probe.stop()]);
  });

  const order = (type: string, data: object) =>
    cluster.plane.order('routing-table-alpha', {
      type,
      data: { clusterId: 'alpha', at: new Date().toISOString(), ...data },
    });
  const serve = () => ({
    ...{
      taskId: 'serve-s1',
      kind: 'serve',
      subject: 'system/s1',
      nodeId: owner.o.nodeId,
      nodeIncarnation: null,
      epoch,
    },
    spec: serveSpec.parse({ systemId: 's1', address: '127.77.0.1', volumes, ...(epoch === 1 && { create: true }) }),
    placement: null,
  });
  const told = ({ o: { nodeId } }: NodeProcess, type: string, where: Record<string, unknown>) =>
    cluster.plane
      .events(type, nodeId)
      .map(dataOf)
      .find((data) => Object.entries(where).every(([name, value]) => data[name] === value));
  const untilTold = (node: NodeProcess, type: string, where: Record<string, unknown>) =>
    cluster.plane.until(() => told(node, type, where) !== undefined);
  const orderPoint = (pointId: string, taskId = pointId) =>
    order('PointOrdered', { taskId, systemId: 's1', pointId, nodeId: owner.o.nodeId, epoch });
  const freeze = async (pointId: string, taskId?: string) => {
    await orderPoint(pointId, taskId);
    await untilTold(owner, 'PointFrozen', { pointId });
  };
  /** Answers with the node that is passed by this. */
  const move = async () => {
    [owner, other] = [other, owner];
    epoch++;
    await order('TaskMoved', { ...serve(), fromNodeId: other.o.nodeId, cause: 'operator' });
    return other;
  };
  const taken = async () => {
    await untilTold(owner, 'TaskTaken', { epoch });
    const { acks } = client;
    await until(() => client.acks > acks);
  };

  const folder = join(cluster.medium, 's1');
  const chain = () => JSON.parse(readFileSync(join(folder, 'chain.json'), 'utf8')) as Chain;
  const listed = () => chain().volumes.flatMap(({ layers }) => layers.map(({ file }) => file));
  const onMedium = () => readdirSync(folder).filter((name) => /\.e\d+\.qcow2$|^\.draft-/.test(name));
  const allIsWell = async () => {
    await until(() => onMedium().sort().join() === listed().sort().join());
    client.stop();
    await writing;
    expect(await probe.stop()).toEqual([]);
    expect(await client.lost(await retried(() => client.connect()))).toEqual([]);
  };

  /** Its agent sits in the lock, about to list the layer that a freeze switches to. */
  const holdAmidFreeze = async (pointId: string) => {
    writeFileSync(join(owner.stateFolder, 'hold'), '');
    await orderPoint(pointId);
    await until(() => existsSync(join(owner.stateFolder, 'held')));
  };
  const letGo = ({ stateFolder }: NodeProcess) => {
    for (const name of ['held', 'hold']) rmSync(join(stateFolder, name));
  };

  it('lists once it wakes what nobody ever writes to, and its successor takes that away', async () => {
    await holdAmidFreeze('p1');
    const agent = owner.agentPid();
    send(agent, 'SIGSTOP');
    const passed = await move();
    await taken();
    letGo(passed);
    send(agent, 'SIGCONT');
    await untilTold(passed, 'PointRefused', { pointId: 'p1' });
    expect(listed()).toContain('v1.2.e1.qcow2');
    await freeze('p2');
    expect(listed()).not.toContain('v1.2.e1.qcow2');
    await allIsWell();
  });

  it('freezes at most what it held when its whole node wakes, and its successor opens what is listed then', async () => {
    await holdAmidFreeze('p3');
    owner.signalAll('SIGSTOP');
    const passed = await move();
    await untilTold(owner, 'TaskBlocked', { epoch, waitsFor: 'mediumLock' });
    letGo(passed);
    passed.signalAll('SIGCONT');
    await taken();
    const isAnswered = (type: string) => told(passed, type, { pointId: 'p3' }) !== undefined;
    await cluster.plane.until(() => ['PointFrozen', 'PointRefused'].some(isAnswered));
    expect(chain().points.some(({ pointId }) => pointId === 'p3')).toBe(isAnswered('PointFrozen'));
    await freeze('p4');
    await allIsWell();
  });

  it.each(['SIGKILL', 'SIGSTOP'] as const)('leaves a fold that its successor makes anew, after %s', async (fault) => {
    const task = `t-${fault.toLowerCase()}`;
    const nbd = await cluster.connect(cluster.nodes.indexOf(owner) + 1);
    await fill(nbd, fault);
    for (const nth of [1, 2, 3, 4]) {
      await nbd.write(nth * MIB, Buffer.alloc(MIB, `${fault} ${nth} `));
      await freeze(`${task}-${nth}`, task);
    }
    const content = await hashOf(nbd);
    nbd.close();
    const [base, merged] = chain().volumes[0]!.layers;
    const monitor = await QmpClient.connect(join(owner.stateFolder, 'run', `s1.e${epoch}`, 'cut'));
    await throttle(monitor, { layer: `v1.${merged!.k}`, on: `v1.${base!.k}` });
    await order('TaskCancelled', {
      ...{ taskId: task, kind: 'snapshot', subject: 'system/s1', by: 'operator' },
      ...{ systemId: 's1', pointId: `${task}-1` },
    });
    await until(async () => (await monitor.execute<unknown[]>('query-block-jobs')).length > 0);
    monitor.close();
    const agent = owner.agentPid();
    send(agent, fault);
    const passed = await move();
    await taken();
    send(agent, 'SIGCONT');
    await until(() => !listed().includes(merged!.file));
    const after = await cluster.connect(cluster.nodes.indexOf(owner) + 1);
    expect(await hashOf(after)).toBe(content);
    after.close();
    await allIsWell();
    await until(() => !readdirSync(join(passed.stateFolder, 'run')).includes(`s1.e${epoch - 1}`));
  });
});

/** In the place of `qemu-img`: it waits for as long as the node's `hold` is there. */
const patientQemuImg = `#!/bin/sh
cd "$HOLDFAST_AGENT_STATE_DIR/" && [ -e hold ] && : > held
while [ -e hold ]; do sleep 0.02; done
export PATH="${process.env['PATH']}"
cd "$OLDPWD" && exec qemu-img "$@"
`;

async function fill(nbd: NbdClient, pattern: string): Promise<void> {
  for (let offset = 0; offset < nbd.sizeBytes; offset += MIB)
    await nbd.write(offset, Buffer.alloc(MIB, `${pattern} at ${offset} `));
}

async function hashOf(nbd: NbdClient): Promise<string> {
  const hash = createHash('sha256');
  for (let offset = 0; offset < nbd.sizeBytes; offset += MIB) hash.update(await nbd.read(offset, MIB));
  return hash.digest('hex');
}

/** A fold of the layer would not end within the test: from before it begins, what it reads comes slowly. */
async function throttle(monitor: QmpClient, { layer, on }: { layer: string; on: string }): Promise<void> {
  await monitor.execute('object-add', { 'qom-type': 'throttle-group', id: 'slow', limits: { 'bps-total': MIB } });
  const filter = { driver: 'throttle', 'node-name': 'slow', 'throttle-group': 'slow', file: `${layer}.f` };
  await monitor.execute('blockdev-add', filter);
  const through = { driver: 'qcow2', 'node-name': layer, 'read-only': true, file: 'slow', backing: on };
  await monitor.execute('blockdev-reopen', { options: [through] });
}
