// A node is killed under a writing client, again and again, on a private fleet of real parts: how long until the next
// acknowledged write, what of it goes to whom, and whether all that was acknowledged is still there.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFleet } from '../support/fleet-process.mjs';
import { machine, quantile, table } from './measure.mjs';
import { versions } from './parts.mjs';
import { CheckingClient } from './checking-client.mjs';

const require = createRequire(import.meta.url);
const { GatewayClient } = require('../../apps/lab/dist/gateway-client.js');
const { engineVersion } = require('../../apps/lab/dist/membership.js');

const ALPHA_MS = 4_000;
const SYSTEM = { systemId: 's1', clusterId: 'alpha', volumes: [{ volumeId: 'v1', sizeBytes: 64 * 1_048_576 }] };
/** A second kill within ten seconds may freeze the cluster, which would measure something else. */
const CALM_MS = 11_000;
const PATIENCE_MS = 120_000;

const PARTS = [
  ['detection: kill → `NodeDeclaredDown`', 'killed', 'NodeDeclaredDown', 'p50 ≤ 4.8 s, p99 ≤ 5.5 s'],
  ['decision: `NodeDeclaredDown` → `TaskMoved`', 'NodeDeclaredDown', 'TaskMoved', '–'],
  ['takeover: `TaskMoved` → first acknowledged write', 'TaskMoved', 'written', '–'],
  ['`NodeDeclaredDown` → `TaskTaken`', 'NodeDeclaredDown', 'TaskTaken', 'p99 ≤ 1 s'],
  ['**kill → first acknowledged write**', 'killed', 'written', '≤ 7 s'],
];

export async function run({ trials }) {
  const scratch = mkdtempSync('/var/tmp/holdfast-bench-');
  const runDir = join(scratch, 'run');
  const env = { HOLDFAST_HEALTH_ALPHA_MS: `${ALPHA_MS}`, HOLDFAST_CONTEXT_FILE: join(scratch, 'contexts.json') };
  const lab = await startFleet({ runDir, env, args: ['--no-demo'] });
  try {
    if (!lab.ready) throw new RangeError('the fleet did not start: its words are above');
    return await killRepeatedly(new Fleet(runDir), trials);
  } finally {
    for (const problem of await lab.stop()) console.error(`✖ ${problem}`);
    rmSync(scratch, { recursive: true });
  }
}

async function killRepeatedly(fleet, trials) {
  await fleet.gateway.perform('/v1/systems', SYSTEM);
  const { exports } = await fleet.get('/v1/systems/s1');
  const client = new CheckingClient(SYSTEM.systemId, exports[0].uri);
  const seen = [];
  const failure = await repeat(trials, async (nth) => {
    const moments = await killOnce(fleet, client);
    seen.push(moments);
    const parts = PARTS.map(([name, from, to]) => `${name.split(':')[0]} ${seconds(moments[to] - moments[from])}`);
    console.error(`  ${nth}/${trials}  ${moments.nodeId} killed  ${parts.join(' · ')}`);
  });
  // What was measured is told even if a trial did not end.
  if (failure) console.error(failure);
  await client.finish();
  await report(fleet, seen, client.tally);
  return !failure && client.tally.wrong === 0;
}

/** Until it fails; then why. */
async function repeat(times, work) {
  try {
    for (let nth = 1; nth <= times; nth += 1) await work(nth);
  } catch (error) {
    return error;
  }
}

async function killOnce(fleet, client) {
  await fleet.until('all is well', () => fleet.isWell());
  const { nodeId } = await fleet.get('/v1/systems/s1');
  const since = (await fleet.get('/v1/events?order=newest&limit=1')).items[0].position;

  const moments = { nodeId, killed: Date.now() };
  void client.nextAfterSilence().then((at) => (moments.written = at));
  await fleet.lab('kill', `node/${nodeId}`);
  await fleet.until('a write is acknowledged', () => moments.written !== undefined);

  const about = ({ data }) => data.nodeId === nodeId || data.taskId === `serve-${SYSTEM.systemId}`;
  await fleet.until('the log tells of it', async () => {
    const { items } = await fleet.get(`/v1/events?since=${since}&limit=500`);
    const first = (type) => Date.parse(items.find((event) => event.type === type && about(event))?.at);
    for (const type of ['NodeDeclaredDown', 'TaskMoved', 'TaskTaken']) moments[type] = first(type);
    return Object.values(moments).every((moment) => !Number.isNaN(moment));
  });
  await fleet.lab('start', `node/${nodeId}`);
  await fleet.until(`${nodeId} is healthy again`, () => fleet.isWell());
  await sleep(CALM_MS);
  return moments;
}

/** The lab's socket and the gateway, as `holdfast` uses them. */
class Fleet {
  constructor(runDir) {
    this.socket = join(runDir, 'lab.sock');
    this.file = JSON.parse(readFileSync(join(runDir, 'fleet.json'), 'utf8'));
    this.gateway = new GatewayClient(this.file.gateway.url, this.file.gateway.token);
  }

  async get(path) {
    const { url, token } = this.file.gateway;
    const answer = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } });
    if (!answer.ok) throw new RangeError(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  async isWell() {
    const [nodes, system] = await Promise.all([this.gateway.list('nodes'), this.get('/v1/systems/s1')]);
    return nodes.every(({ status }) => status === 'healthy') && system.serving.state === 'served';
  }

  async lab(verb, target) {
    const socket = createConnection(this.socket);
    socket.write(`${JSON.stringify({ verb, target })}\n`);
    for await (const line of createInterface({ input: socket })) {
      const { ok, message } = JSON.parse(line);
      if (!ok) throw new RangeError(`lab ${verb} ${target}: ${message}`);
    }
  }

  async until(what, holds) {
    for (const until = Date.now() + PATIENCE_MS; !(await holds()); await sleep(100))
      if (Date.now() > until) throw new RangeError(`waited ${PATIENCE_MS / 1_000} s, and still not: ${what}`);
  }
}

async function report(fleet, seen, { written, checked, wrong }) {
  const engine = `qemu-storage-daemon ${await engineVersion()}`;
  console.log(`${machine()}; ${await versions(fleet.file.database.url)}, ${engine}.`);
  console.log(`α = ${ALPHA_MS / 1_000} s; three nodes, the one that serves is killed; ${seen.length} trials.\n`);
  const rows = PARTS.map(([name, from, to, target]) => {
    const times = seen.map((moments) => moments[to] - moments[from]);
    return [name, ...[0.5, 0.9, 1].map((q) => seconds(quantile(times, q))), target];
  });
  console.log(table(['Part', 'p50', 'p90', 'max', 'Target'], rows));
  const count = (value) => value.toLocaleString('en');
  console.log(
    `\n${count(written)} writes acknowledged, ${count(checked)} blocks read back, **${wrong} lost or torn**.`,
  );
}

const seconds = (ms) => `${(ms / 1_000).toFixed(2)} s`;
