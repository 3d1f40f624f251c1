import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { processesOf } from './processes';

const LAB = join(__dirname, '../dist');
const TESTING = join(__dirname, '../../../libs/testing/dist');

/** A supervisor as small as can be: a keeper, PostgreSQL, and a child with a child of its own. */
const SUPERVISOR = `
  const { KeeperLink } = require(${JSON.stringify(join(LAB, 'keeper-link.js'))});
  const { RunFolder } = require(${JSON.stringify(join(LAB, 'run-folder.js'))});
  const { startPostgres } = require(${JSON.stringify(TESTING)});
  const { spawn } = require('node:child_process');
  const [path, runId] = process.argv.slice(1);
  (async () => {
    const folder = new RunFolder(path);
    await folder.make();
    const keeper = await KeeperLink.start(runId, folder.log('keeper'));
    keeper.tell({ remove: folder.leftovers({ keepLogs: false }) });
    const env = { ...process.env, HOLDFAST_RUN_ID: runId };
    await startPostgres({ dir: folder.postgres(), env, detached: true });
    spawn('sh', ['-c', 'sleep 300 & sleep 300'], { env, detached: true, stdio: 'ignore' });
    console.log(keeper.block);
    process.on('SIGTERM', () => keeper.release().then(() => process.exit(0)));
  })();`;

interface Running {
  supervisor: ChildProcess;
  runId: string;
  path: string;
  block: number;
}

const scratch = mkdtempSync('/var/tmp/holdfast-keeper-');
const running: Running[] = [];

async function start(): Promise<Running> {
  const [runId, path] = [randomUUID(), join(scratch, randomUUID())];
  const supervisor = spawn(process.execPath, ['-e', SUPERVISOR, path, runId], { stdio: ['ignore', 'pipe', 'inherit'] });
  const block = await new Promise<string>((resolve) =>
    createInterface({ input: supervisor.stdout }).once('line', resolve),
  );
  const started = { supervisor, runId, path, block: Number(block) };
  running.push(started);
  return started;
}

async function gone({ runId, path }: Running): Promise<void> {
  const deadline = Date.now() + 10_000;
  while ((processesOf(runId).length > 0 || existsSync(path)) && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(processesOf(runId)).toEqual([]);
  expect(existsSync(path)).toBe(false);
}

describe('the keeper', () => {
  afterAll(() => {
    for (const { supervisor } of running) supervisor.kill('SIGKILL');
    rmSync(scratch, { recursive: true, force: true });
  });

  it('leaves no process and no file when the supervisor is killed', async () => {
    const fleet = await start();
    expect(processesOf(fleet.runId).length).toBeGreaterThanOrEqual(2);
    fleet.supervisor.kill('SIGKILL');
    await gone(fleet);
  });

  it('leaves as little when the supervisor lets go', async () => {
    const fleet = await start();
    fleet.supervisor.kill('SIGTERM');
    await gone(fleet);
  });

  it('sweeps a process that stands still', async () => {
    const fleet = await start();
    for (const { pid, command } of processesOf(fleet.runId)) if (command[0] === 'sleep') process.kill(pid, 'SIGSTOP');
    fleet.supervisor.kill('SIGKILL');
    await gone(fleet);
  });

  it('gives two fleets side by side an address block each', async () => {
    const [first, second] = [await start(), await start()];
    expect(second.block).not.toBe(first.block);
    for (const fleet of [first, second]) {
      fleet.supervisor.kill('SIGKILL');
      await gone(fleet);
    }
  });
});
