// A system is frozen every two seconds under four writing, checking clients, while the node that serves it is killed
// twice: what a freeze costs the clients, and whether all that was acknowledged is still there. Agents' own parts, real
// daemons and one medium; neither Kafka nor the services.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { machine, quantile, table } from './measure.mjs';

const require = createRequire(import.meta.url);
const { NbdClient } = require('@holdfast/nbd');
const { engineVersion } = require('../../apps/lab/dist/membership.js');
const { BLOCK_BYTES, readStamp } = require('../../apps/lab/dist/stamp.js');
const { VolumeClient } = require('../../apps/lab/dist/volume-client.js');
const { daemonsBelow, endProcess } = require('../../apps/node-agent/dist/process-identity.js');

const VOLUMES = ['v1', 'v2', 'v3', 'v4'];
const NODES = 3;
const PORT = 10_809;
const EVERY_MS = 2_000;
const WRITE_EVERY_MS = 5;
/** A client's largest latency is looked for in so long after a freeze, and in as long between two. */
const WINDOW_MS = 200;
/** A point is pinned for so many freezes, as if a snapshot were made of it. */
const PINNED_FOR = 3;
const TARGET_MS = 100;

export async function run({ seconds = 300 }) {
  const root = mkdtempSync('/var/tmp/holdfast-bench-');
  mkdirSync(join(root, 'medium'));
  const nodes = [];
  try {
    for (let nth = 1; nth <= NODES; nth += 1) nodes.push(await BenchNode.start(root, nth));
    return await freezeOnAndOn({ root, nodes, seconds });
  } finally {
    for (const node of nodes) await node.kill();
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function freezeOnAndOn({ root, nodes, seconds }) {
  const fleet = new ServedSystem(nodes);
  await fleet.serve({ create: true });
  const clients = VOLUMES.map(
    (name) =>
      new Client(
        name,
        nodes.map(({ address }) => address),
      ),
  );
  const chain = () => JSON.parse(readFileSync(join(root, 'medium', 's1', 'chain.json'), 'utf8'));
  const seen = { freezes: [], refused: 0, kills: [], mostLayers: 0 };
  const until = Date.now() + seconds * 1_000;
  const killAt = [1, 2].map((nth) => Date.now() + (nth / NODES) * seconds * 1_000);
  for (let nth = 1; Date.now() < until; nth += 1) {
    const begun = performance.now();
    const told = fleet.freeze(nth);
    if (Date.now() > killAt[0]) {
      killAt.shift();
      await sleep(Math.random() * 50); // in the middle of it, wherever that is
      seen.kills.push(await fleet.fail());
    }
    const { type, data } = await told;
    if (type === 'PointFrozen') seen.freezes.push({ at: begun, frozenMs: data.frozenMs });
    else seen.refused += 1;
    fleet.over(nth - PINNED_FOR);
    seen.mostLayers = Math.max(seen.mostLayers, ...chain().volumes.map(({ layers }) => layers.length));
    await sleep(Math.max(0, EVERY_MS - (performance.now() - begun)));
  }
  for (const client of clients) await client.finish(fleet.node.address);
  return report(seen, clients);
}

/** Which node serves, at which epoch. */
class ServedSystem {
  epoch = 0;

  constructor(nodes) {
    this.standing = [...nodes];
  }

  get node() {
    return this.standing[0];
  }

  async serve({ create = false } = {}) {
    this.epoch += 1;
    const volumes = VOLUMES.map((volumeId) => ({ volumeId, sizeBytes: 64 << 20 }));
    const spec = { systemId: 's1', address: this.node.address, volumes, create };
    const taken = this.node.untilTold('TaskTaken');
    this.node.order('serve', { taskId: 'serve-s1', systemId: 's1', epoch: this.epoch, spec });
    await taken;
  }

  /** Told, refused, or never answered: its node died. */
  freeze(nth) {
    const pointId = `p${nth}`;
    const told = this.node.untilTold('PointFrozen', 'PointRefused');
    this.node.order('freeze', { taskId: `t${nth}`, systemId: 's1', pointId, epoch: this.epoch });
    return told;
  }

  over(nth) {
    this.node.order('over', { taskId: `t${nth}` });
  }

  /** The node that serves is killed, agent and daemons; the next one takes over. */
  async fail() {
    const at = performance.now();
    await this.standing.shift().kill();
    await this.serve();
    console.error(`  a node killed, served elsewhere at epoch ${this.epoch} after ${ms(performance.now() - at)}`);
    return at;
  }
}

class BenchNode {
  static async start(root, nth) {
    const node = new BenchNode();
    node.address = `127.75.${1 + (process.pid % 250)}.${nth}`;
    node.runFolder = join(root, `n${nth}`, 'run');
    node.process = fork(join(import.meta.dirname, 'storage-node.mjs'), [`n${nth}`, node.address, root]);
    await node.untilTold('ready');
    return node;
  }

  order(name, order) {
    if (this.process.connected) this.process.send({ name, order });
  }

  untilTold(...types) {
    return new Promise((resolve) => {
      const hear = (fact) => types.includes(fact.type) && end(fact);
      const die = () => end({ type: 'died' });
      const end = (fact) => {
        this.process.off('message', hear).off('exit', die);
        resolve(fact);
      };
      this.process.on('message', hear).on('exit', die);
    });
  }

  async kill() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    for (const { identity } of daemonsBelow(this.runFolder)) await endProcess(identity);
    await exited;
  }
}

/** Writes one block after the other, reads back what it wrote, and notes when each write began and how long it took. */
class Client {
  written = 0;
  checked = 0;
  wrong = 0;
  writes = [];

  constructor(exportName, addresses) {
    const places = addresses.map((host) => ({ host, port: PORT }));
    this.target = { volume: `s1/${exportName}`, exportName, places };
    this.client = new VolumeClient(this.target, WRITE_EVERY_MS, {
      acknowledged: (tookMs) => this.acknowledged(tookMs),
      checked: () => (this.checked += 1),
      wrong: (block) => this.lost(block),
      gap: () => {},
      reconnected: () => {},
      line: () => {},
    });
    this.running = this.client.run();
  }

  acknowledged(tookMs) {
    this.written += 1;
    this.writes.push({ end: performance.now(), tookMs });
  }

  lost(block) {
    this.wrong += 1;
    console.error(`✖ ${JSON.stringify(block)}`);
  }

  /** Of the writes that were under way in this window; none: it began and ended outside. */
  largest(from, to) {
    const under = this.writes.filter(({ end, tookMs }) => end >= from && end - tookMs <= to);
    return Math.max(0, ...under.map(({ tookMs }) => tookMs));
  }

  async finish(host) {
    this.client.stop();
    await this.running;
    const { volume, exportName } = this.target;
    const connection = await insist(() => NbdClient.connect({ host, port: PORT }, exportName));
    for (const block of this.client.ledger.blocksOf(volume)) {
      const found = readStamp(await connection.read(block * BLOCK_BYTES, BLOCK_BYTES));
      const difference = this.client.ledger.check(volume, block, found);
      if (difference) this.lost(difference);
      else this.checked += 1;
    }
    connection.close();
  }
}

/** A daemon that is served again in place at this moment is back in less than a second. */
async function insist(work) {
  for (const until = Date.now() + 10_000; ; await sleep(100)) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > until) throw error;
    }
  }
}

async function report({ freezes, refused, kills, mostLayers }, clients) {
  // A takeover interrupts the clients, whether anything is frozen or not: windows beside one say nothing of freezes.
  const calm = freezes.filter(({ at }) => kills.every((kill) => Math.abs(at - kill) > 2 * EVERY_MS));
  const largest = (from) => Math.max(...clients.map((client) => client.largest(from, from + WINDOW_MS)));
  const during = calm.map(({ at }) => largest(at));
  const between = calm.map(({ at }) => largest(at + EVERY_MS / 2));
  const sum = (key) => clients.reduce((total, client) => total + client[key], 0);
  const [cost, wrong] = [quantile(during, 0.99) - quantile(between, 0.99), sum('wrong')];
  const row = (name, values) => [name, ...[0.5, 0.9, 0.99, 1].map((q) => ms(quantile(values, q)))];
  console.log(`${machine()}; qemu-storage-daemon ${await engineVersion()}, four volumes, a client each.`);
  console.log(
    `${freezes.length} freezes, one each ${EVERY_MS / 1_000} s, ${refused} refused or unanswered, ` +
      `${kills.length} nodes killed; at most ${mostLayers} layers.\n`,
  );
  const rows = [
    row(`largest latency of a client within ${WINDOW_MS} ms of a freeze`, during),
    row(`the same in ${WINDOW_MS} ms between two`, between),
    row(
      'the switch itself, as the agent measures it',
      freezes.map(({ frozenMs }) => frozenMs),
    ),
  ];
  console.log(table(['What', 'p50', 'p90', 'p99', 'max'], rows));
  const count = (value) => value.toLocaleString('en');
  console.log(
    `\nA freeze costs ${ms(cost)} at p99; target: at most ${TARGET_MS} ms. ${count(sum('written'))} writes acknowledged, ` +
      `${count(sum('checked'))} blocks read back, **${wrong} lost or torn**.`,
  );
  return wrong === 0 && cost <= TARGET_MS;
}

const ms = (value) => `${value.toFixed(1)} ms`;
