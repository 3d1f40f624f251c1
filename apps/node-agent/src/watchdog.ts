/**
 * The watchdog of a storage node: one bare file, nothing but Node's own modules, so that no fault of a library can take
 * it down. It restarts the agent, and it kills: daemons whose claim was passed, whose medium is unread for 5 s, or that
 * nobody adopted. It never starts a daemon, never writes to the medium, and asks nobody.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join, resolve } from 'node:path';

interface Identity {
  bootId: string;
  pid: number;
  startTicks: number;
}

const TICK_MS = 500;
/** In ticks that we lived through, not by the clock: after a pause of the whole node nothing is late yet. */
const UNREAD_TICKS = 10;
const SILENT_TICKS = 20;
const SWEEP_TICKS = 4;
const BACK_OFF_MS = { first: 1_000, longest: 30_000, forgottenAfter: 60_000 };
const ORPHAN_AGE_MS = 1_000;
const TICKS_PER_SECOND = 100;
const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

const stateFolder = resolve(required('HOLDFAST_AGENT_STATE_DIR'));
const mediumFolder = join(resolve(required('HOLDFAST_AGENT_MEDIUM')), required('HOLDFAST_AGENT_CLUSTER_ID'));
const runFolder = join(stateFolder, 'run');

let agent: Identity | undefined;
let agentSocket: Socket | undefined;
let silentTicks = 0;
let sweepTicks = 0;
let agentStartedAtMs = 0;
let backOffMs = BACK_OFF_MS.first;
let mayStartAtMs = 0;

mkdirSync(runFolder, { recursive: true });
process.chdir(stateFolder); // a socket's name has 108 bytes at most
setInterval(tick, TICK_MS);
tick();
void watchMedium();
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, () => {
    // The agent stops as well; its daemons and their clients go on.
    if (agent && isAlive(agent)) process.kill(agent.pid, 'SIGTERM');
    process.exit(0);
  });

function tick(): void {
  if (sweepTicks > 0) sweepOrphans();
  sweepTicks = Math.max(0, sweepTicks - 1);
  silentTicks++;
  if (agentSocket) agentSocket.write('{}\n');
  else attach();
  if (agent && silentTicks > SILENT_TICKS) {
    say('agent silent, killed', { pid: agent.pid });
    kill(agent);
  }
  if ((!agent || !isAlive(agent)) && !agentSocket) startAgent();
}

/** To whatever agent listens: one that we started, or one that outlived the watchdog before us. */
function attach(): void {
  const socket = connect('run/agent.sock');
  socket.on('connect', () => {
    agentSocket = socket;
    socket.write('{}\n');
  });
  socket.on('data', (answer) => {
    const told = parse(answer.toString().split('\n')[0]!);
    if (!told) return;
    if (told.pid !== agent?.pid) say('attached to an agent', { pid: told.pid });
    agent = told;
    silentTicks = 0;
  });
  socket.on('error', () => socket.destroy()); // nobody listens yet, or not any more
  socket.on('close', () => {
    if (agentSocket === socket) agentSocket = undefined;
  });
}

function startAgent(): void {
  const now = performance.now();
  // The first tick only looks whether an agent lives already.
  if (mayStartAtMs === 0) mayStartAtMs = now + 1;
  if (now < mayStartAtMs) return;
  if (agentStartedAtMs > 0 && now - agentStartedAtMs > BACK_OFF_MS.forgottenAfter) backOffMs = BACK_OFF_MS.first;
  mayStartAtMs = now + backOffMs;
  backOffMs = Math.min(backOffMs * 2, BACK_OFF_MS.longest);
  agentStartedAtMs = now;
  silentTicks = 0;
  const child = spawn(process.execPath, [...process.execArgv, join(__dirname, 'main.js')], {
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  child.on('error', (error) => say('the agent does not start', { error: error.message }));
  child.on('exit', (code, signal) => {
    say('agent ended', { code, signal });
    mayStartAtMs = Math.max(mayStartAtMs, performance.now() + BACK_OFF_MS.first);
  });
  agent = child.pid === undefined ? undefined : identify(child.pid);
  sweepTicks = SWEEP_TICKS;
  say('agent started', { pid: child.pid });
}

/** One look after the other: a mount that hangs holds up this loop alone, and is counted beside it. */
async function watchMedium(): Promise<void> {
  const unread = new Map<string, number>();
  setInterval(() => {
    for (const { name } of servingFolders()) {
      const ticks = (unread.get(name) ?? 0) + 1;
      unread.set(name, ticks);
      if (ticks === UNREAD_TICKS + 1) killDaemonOf(name, 'medium unread');
    }
  }, TICK_MS);
  for (;;) {
    const folders = servingFolders();
    for (const name of unread.keys()) if (!folders.some((folder) => folder.name === name)) unread.delete(name);
    for (const { name, systemId, epoch } of folders) {
      const highest = await highestClaim(systemId, epoch);
      if (highest === undefined) continue;
      unread.set(name, 0);
      if (highest > epoch) killDaemonOf(name, `claim ${highest} passed`);
    }
    await new Promise((done) => setTimeout(done, TICK_MS));
  }
}

/** Undefined: the medium could not be read. */
async function highestClaim(systemId: string, epoch: number): Promise<number | undefined> {
  const claims = join(mediumFolder, systemId, 'claims');
  try {
    await access(join(claims, `${epoch}.json`));
    return Math.max(...(await readdir(claims)).flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? []).map(Number));
  } catch {
    return undefined;
  }
}

function servingFolders(): { name: string; systemId: string; epoch: number }[] {
  return readdirSync(runFolder).flatMap((name) => {
    const [, systemId, epoch] = /^(.+)\.e(\d+)$/.exec(name) ?? [];
    return systemId && daemonOf(name) ? [{ name, systemId, epoch: Number(epoch) }] : [];
  });
}

function killDaemonOf(name: string, why: string): void {
  const daemon = daemonOf(name);
  if (!daemon) return;
  say('daemon killed', { folder: name, pid: daemon.pid, why });
  kill(daemon);
}

/** The daemon that lives in this folder of `run/`. */
function daemonOf(name: string): Identity | undefined {
  const adopted = parse(read(join(runFolder, name, 'adopted.json')) ?? '');
  return adopted && isAlive(adopted) ? adopted : undefined;
}

function sweepOrphans(): void {
  const marker = `${runFolder}/`;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const args = read(`/proc/${pid}/cmdline`)?.split('\0') ?? [];
    const named = args[0]?.includes('storage-daemon') && args.find((arg) => arg.startsWith(marker));
    const daemon = named ? identify(Number(pid)) : undefined;
    if (!named || !daemon || ageMs(daemon) < ORPHAN_AGE_MS) continue;
    const name = named.slice(marker.length).split('/')[0]!;
    if (daemonOf(name)?.pid === daemon.pid) continue;
    say('orphan killed', { folder: name, pid: daemon.pid });
    kill(daemon);
  }
}

function identify(pid: number): Identity | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return !fields || fields[0] === 'Z' || fields[0] === 'X'
    ? undefined
    : { bootId, pid, startTicks: Number(fields[19]) };
}

function isAlive(identity: Identity): boolean {
  return identity.bootId === bootId && identify(identity.pid)?.startTicks === identity.startTicks;
}

function ageMs({ startTicks }: Identity): number {
  return (Number(read('/proc/uptime')?.split(' ')[0]) - startTicks / TICKS_PER_SECOND) * 1_000;
}

function kill(identity: Identity): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, 'SIGKILL');
  } catch (error) {
    say('could not kill', { ...identity, error: (error as Error).message });
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // gone meanwhile
  }
}

function parse(text: string): Identity | undefined {
  try {
    return JSON.parse(text) as Identity;
  } catch {
    return undefined; // torn
  }
}

function required(name: string): string {
  const value = process.env[name];
  if (value) return value;
  process.stderr.write(`${name} is missing\n`);
  return process.exit(2);
}

function say(message: string, details: object): void {
  const line = { time: new Date().toISOString(), service: 'watchdog', msg: message, ...details };
  process.stdout.write(JSON.stringify(line) + '\n');
}
