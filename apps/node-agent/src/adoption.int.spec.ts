import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeClaim } from './claims';
import { TestCluster, until, type TestNode } from './fixture';
import { isAlive } from './process-identity';

describe('an agent that starts where another died', () => {
  let cluster: TestCluster;
  let before: TestNode;
  beforeEach(async () => {
    cluster = new TestCluster();
    before = await cluster.node(1);
    await before.serve(1, { create: true });
  });
  afterEach(() => cluster.clear());
  const claims = () => join(cluster.systemFolder(), 'claims');
  const served = (node: TestNode) => until(() => node.serving.held().length === 1);

  it('adopts the daemon: the same process, the same connection', async () => {
    const nbd = await before.connect();
    const pid = before.daemonPid();
    await before.die();
    const after = await cluster.node(1);
    expect(await after.adopt()).toEqual([{ systemId: 's1', epoch: 1 }]);
    expect(after.daemonPid()).toBe(pid);
    await nbd.write(0, Buffer.alloc(4096, 1));
    nbd.close();
  });

  it('adopts it though the journal was lost', async () => {
    await before.die();
    rmSync(join(cluster.root, 'n1/journal'));
    const after = await cluster.node(1);
    expect(await after.adopt()).toEqual([{ systemId: 's1', epoch: 1 }]);
    expect(after.journal.state.epochs.get('serve-s1')).toBe(1);
  });

  it('kills it when its claim was passed, and serves nothing', async () => {
    const { identity } = before.serving.held()[0]!.daemon;
    await before.die();
    await makeClaim(claims(), { epoch: 2, nodeId: 'n2', by: 'serve-s1' });
    const after = await cluster.node(1);
    expect(await after.adopt()).toEqual([]);
    await until(() => !isAlive(identity));
    expect(after.serving.held()).toEqual([]);
  });

  it('kills it when the journal knows that it was stopped', async () => {
    const { identity } = before.serving.held()[0]!.daemon;
    await before.journal.append({ k: 'stop', route: 'serve-s1', epoch: 1 });
    await before.die();
    expect(await (await cluster.node(1)).adopt()).toEqual([]);
    await until(() => !isAlive(identity));
  });

  it('serves again in place when the daemon is dead and the claim its own', async () => {
    const { daemon } = before.serving.held()[0]!;
    await before.die();
    daemon.kill();
    await until(() => !isAlive(daemon.identity));
    const after = await cluster.node(1);
    expect(await after.adopt()).toEqual([]);
    await served(after);
    (await after.connect()).close();
  });

  it('does not serve again what was stopped', async () => {
    await before.serving.recall({ taskId: 'serve-s1', systemId: 's1', epoch: 1 });
    await before.die();
    const after = await cluster.node(1);
    await after.adopt();
    await after.serving.leave();
    expect(after.serving.held()).toEqual([]);
  });

  it('kills a daemon that does not answer, and serves again', async () => {
    const { identity } = before.serving.held()[0]!.daemon;
    await before.die();
    process.kill(identity.pid, 'SIGSTOP');
    const after = await cluster.node(1);
    await after.adopt();
    await until(() => !isAlive(identity));
    await served(after);
  });

  it('takes away layers of its epoch that were never listed', async () => {
    const unlisted = join(cluster.systemFolder(), 'v1.2.e1.qcow2');
    writeFileSync(unlisted, '');
    await before.die();
    await (await cluster.node(1)).adopt();
    await until(() => !existsSync(unlisted));
  });

  it('clears away folders in which nothing lives', async () => {
    const folder = join(before.runFolder, 's5.e9');
    mkdirSync(folder);
    await before.die();
    await (await cluster.node(1)).adopt();
    expect(() => rmSync(folder, { recursive: true })).toThrow('ENOENT');
  });
});
