// A private fleet for tests: its own folder, context file and gateway port, so that it runs beside `npm start`.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const READY_MS = 120_000;
const STOP_MS = 30_000;

/** Starts it and waits for its `ready`; `stop` ends it as Ctrl-C does and names all that is left. */
export async function startFleet({ runDir, env = {}, args = [] }) {
  // A shorter detection time than the default of 4 s: the same rules, in less time.
  const own = {
    HOLDFAST_RUN_DIR: runDir,
    HOLDFAST_GATEWAY_PORT: '0',
    HOLDFAST_HEALTH_ALPHA_MS: '3000',
    HOLDFAST_TEST_MODE: '1',
    ...env,
  };
  const supervisor = spawn(
    process.execPath,
    ['--disable-warning=TimeoutNegativeWarning', 'apps/lab/dist/main.js', ...args],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...own },
    },
  );
  const ended = new Promise((resolve) => supervisor.once('exit', resolve));
  const ready = await untilReady(supervisor, join(runDir, 'fleet.json'));
  const { runId } = ready ? fleetFile(runDir) : { runId: undefined };
  return {
    ready,
    env: own,
    supervisor,
    async stop() {
      supervisor.kill('SIGINT');
      const timely = await Promise.race([ended.then(() => true), sleep(STOP_MS).then(() => false)]);
      if (!timely) supervisor.kill('SIGKILL');
      await ended;
      return [
        ...(timely ? [] : [`the supervisor did not stop within ${STOP_MS / 1000} s`]),
        ...(runId ? processesOf(runId).map((line) => `still runs: ${line}`) : []),
        ...(existsSync(runDir) ? [`still there: ${runDir}`] : []),
      ];
    },
  };
}

async function untilReady(supervisor, file) {
  const deadline = Date.now() + READY_MS;
  while (Date.now() < deadline && supervisor.exitCode === null) {
    if (existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).ready) return true;
    await sleep(200);
  }
  return false;
}

const fleetFile = (runDir) => JSON.parse(readFileSync(join(runDir, 'fleet.json'), 'utf8'));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function processesOf(runId) {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => read(`/proc/${pid}/environ`).includes(`HOLDFAST_RUN_ID=${runId}`))
    .map((pid) => `${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`);
}

/** Empty for a process that has ended meanwhile. */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
