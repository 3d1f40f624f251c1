import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Chain } from './chain';
import { layerFile } from './chain.rules';
import { StorageDaemon } from './engine.driver';
import { TestCluster, until, type TestNode } from './fixture';
import { layerNode } from './layer.driver';
import { killProcess } from './process-identity';

const CLUSTER_BYTES = 65_536;

/** For specs: one system, served by the first of two nodes, and what of its layers is listed, on the medium, open. */
export class LayeredSystem {
  private constructor(
    readonly cluster: TestCluster,
    readonly nodes: [TestNode, TestNode],
  ) {}

  static async create(): Promise<LayeredSystem> {
    const cluster = new TestCluster();
    cluster.foldAbove = 5;
    const nodes: [TestNode, TestNode] = [await cluster.node(1), await cluster.node(2)];
    await nodes[0].serve(1, { create: true });
    return new LayeredSystem(cluster, nodes);
  }

  clear(): Promise<void> {
    return this.cluster.clear();
  }

  get folder(): string {
    return this.cluster.systemFolder();
  }

  chain(): Chain {
    return JSON.parse(readFileSync(join(this.folder, 'chain.json'), 'utf8')) as Chain;
  }

  list(chain: Chain): void {
    writeFileSync(join(this.folder, 'chain.json'), JSON.stringify(chain));
  }

  ks(): string[] {
    return this.chain().volumes.map(({ layers }) => layers.map(({ k }) => k).join());
  }

  pins(): string[] {
    return this.chain().pins.map(({ by }) => by);
  }

  points(): string[] {
    return this.chain().points.map(({ pointId }) => pointId);
  }

  listed(): string[] {
    return this.chain()
      .volumes.flatMap(({ layers }) => layers.map(({ file }) => file))
      .sort();
  }

  onMedium(): string[] {
    return readdirSync(this.folder)
      .filter((name) => /\.e\d+\.qcow2$/.test(name))
      .sort();
  }

  /** The layer above this top is listed, so that the next freeze has nothing to wait for. */
  untilReady(top: number): Promise<void> {
    return until(() => this.chain().volumes.every(({ layers }) => layers.at(-1)!.k === top + 1));
  }

  /** Points `p1`, `p2` … for tasks `t1`, `t2` …, each with a cluster of its own written before it. */
  async freezeTimes(node: TestNode, times: number, epoch = 1): Promise<void> {
    const nbd = await node.connect();
    for (let nth = 1; nth <= times; nth++) {
      await nbd.write(nth * CLUSTER_BYTES, Buffer.alloc(4096, nth));
      await node.freeze(`p${nth}`, { taskId: `t${nth}`, epoch });
      expect(node.lastTold()).toMatchObject({ type: 'PointFrozen' });
    }
    nbd.close();
  }

  async readsBack(node: TestNode, times: number): Promise<void> {
    const nbd = await node.connect();
    for (let nth = 1; nth <= times; nth++) expect((await nbd.read(nth * CLUSTER_BYTES, 1))[0]).toBe(nth);
    nbd.close();
  }

  over(node: TestNode, ...tasks: number[]): void {
    for (const nth of tasks) node.points.over(`t${nth}`);
  }

  /** The node dies, agent and daemon; the other serves it. */
  async takeOver(from: TestNode, to: TestNode, epoch: number): Promise<void> {
    const { identity } = from.serving.held()[0]!.daemon;
    await from.die();
    killProcess(identity);
    await to.serve(epoch);
  }

  /** By a daemon that asks nobody. */
  async read(node: TestNode, name: string, ks: number[]): Promise<StorageDaemon> {
    const reader = await StorageDaemon.start(join(node.runFolder, 'reader'), {
      binary: 'qemu-storage-daemon',
      flush: 'os',
    });
    const layers = ks.reduce<object | null>((backing, k) => {
      const layer = layerNode({ name, k }, { flush: 'os', frozen: true });
      return { ...layer, file: { ...layer.file, filename: join(this.folder, layerFile(name, k, 1)) }, backing };
    }, null);
    await reader.execute('blockdev-add', layers!);
    return reader;
  }
}
