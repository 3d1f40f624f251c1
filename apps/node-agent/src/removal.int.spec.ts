import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChainLock } from './chain-lock';
import { makeClaim } from './claims';
import { ChainLocked } from './errors';
import { TestCluster, until, type TestNode } from './fixture';

describe('a removal', () => {
  let cluster: TestCluster;
  let n1: TestNode;
  let n2: TestNode;

  beforeEach(async () => {
    cluster = new TestCluster();
    n1 = await cluster.node(1);
    n2 = await cluster.node(2);
  });
  afterEach(() => cluster.clear());

  const left = () => readdirSync(cluster.systemFolder()).sort();
  const claims = () => readdirSync(join(cluster.systemFolder(), 'claims')).sort();
  const list = () => readFileSync(join(cluster.systemFolder(), 'chain.json'), 'utf8');

  it('takes all of a system but its claims and its lock', async () => {
    await n1.serve(1, { create: true });
    await n1.serving.remove({ taskId: 'serve-s1', systemId: 's1', epoch: 2 });
    expect(n1.lastTold()).toMatchObject({ type: 'SystemRemoved', data: { systemId: 's1', epoch: 2 } });
    expect(left()).toEqual(['chain.lock', 'claims']);
  });

  it('spares the images of a system that is being made anew: they are made before the lock is asked for', async () => {
    await n1.serve(1, { create: true });
    writeFileSync(join(cluster.systemFolder(), 'v1.1.e3.qcow2'), '');
    await n1.serving.remove({ taskId: 'serve-s1', systemId: 's1', epoch: 2 });
    expect(left()).toEqual(['chain.lock', 'claims', 'v1.1.e3.qcow2']);
  });

  it('takes nothing more once its lock is lost', async () => {
    await n1.serve(1, { create: true });
    const held = jest.spyOn(ChainLock.prototype, 'mustBeHeld');
    held.mockImplementationOnce(() => undefined);
    held.mockImplementationOnce(() => {
      throw new ChainLocked('lost');
    });
    const removal = n1.serving.remove({ taskId: 'serve-s1', systemId: 's1', epoch: 2 });
    await expect(removal)
      .rejects.toMatchObject({ code: 'CHAIN_LOCKED' })
      .finally(() => held.mockRestore());
    expect(left()).toEqual(['chain.lock', 'claims', 'probe.qcow2', 'v1.1.e1.qcow2', 'v2.1.e1.qcow2']);
  });

  it('is not undone by an order that is late, only by one above it', async () => {
    await n1.serve(1, { create: true });
    await n1.serving.remove({ taskId: 'serve-s1', systemId: 's1', epoch: 2 });
    const late = { type: 'TaskDeclined', data: { code: 'STALE_EPOCH', claim: { epoch: 2, nodeId: 'n1' } } };
    for (const epoch of [1, 2]) {
      await n2.serve(epoch, { create: true });
      expect(n2.lastTold()).toMatchObject(late);
    }
    await n1.serve(2, { create: true });
    expect(n1.lastTold()).toMatchObject(late);
    expect(left()).toEqual(['chain.lock', 'claims']);
    await n2.serve(3, { create: true });
    expect(n2.lastTold()).toMatchObject({ type: 'TaskTaken', data: { epoch: 3 } });
  });

  it('is of a system that was never made too, and says so', async () => {
    await n1.serving.remove({ taskId: 'serve-s9', systemId: 's9', epoch: 1 });
    expect(n1.lastTold()).toMatchObject({ type: 'SystemRemoved', data: { systemId: 's9' } });
    await n2.serve(1, { create: true, systemId: 's9' });
    expect(n2.lastTold()).toMatchObject({ type: 'TaskDeclined', data: { code: 'STALE_EPOCH' } });
  });

  it('is not said to be done while the medium is away', async () => {
    await n1.serve(1, { create: true });
    renameSync(cluster.medium, `${cluster.medium}.away`);
    const removal = n1.serving.remove({ taskId: 'serve-s1', systemId: 's1', epoch: 2 });
    await expect(removal).rejects.toMatchObject({ code: 'MEDIUM_INVALID' });
    renameSync(`${cluster.medium}.away`, cluster.medium);
    expect(n1.told().map(({ type }) => type)).toEqual(['TaskTaken']);
    expect(claims()).toEqual(['1.json']);
  });

  it('takes nothing from a system that was made anew while its node slept', async () => {
    await n1.serve(1, { create: true });
    const sleeper = await cluster.sleepInLock();
    const removal = n1.serving.remove({ taskId: 'serve-s1', systemId: 's1', epoch: 2 });
    await until(() => claims().includes('2.json'));
    // Another node was asked meanwhile, and the name was given again.
    await makeClaim(join(cluster.systemFolder(), 'claims'), { epoch: 3, nodeId: 'n3', by: 'removal' });
    await n2.serve(4, { create: true });
    const listed = list();
    sleeper.wake();
    await removal;
    expect([list(), left().filter((name) => name.endsWith('.qcow2')).length]).toEqual([listed, 3]);
    expect(n1.told().map(({ type }) => type)).toEqual(['TaskTaken']);
  });
});
