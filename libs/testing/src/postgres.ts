import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { freePort } from './free-port';
import { isRoot, NOBODY, postgresBinaries } from './postgres-binaries';
import { dataFolder } from './postgres-folder';

/** A real PostgreSQL of our own, on the loopback interface, with database and superuser `holdfast`. */
export interface Postgres {
  readonly url: string;
  readonly port: number;
  /** Of the postmaster that runs now: `restart` makes a new one. */
  readonly pid: number;
  readonly process: ChildProcess;
  /** Ends it as an operator would: open transactions are rolled back, what is committed is on disk. */
  stop(): Promise<void>;
  /** SIGKILL to the postmaster and all its children, as a loss of power would. */
  kill(): Promise<void>;
  /** Starts it on the same folder and port, after `stop` or `kill`; a running one is stopped first. */
  restart(): Promise<void>;
}

export interface PostgresOptions {
  /** Its data: made when missing, used again when there. */
  dir: string;
  /** A free one unless given. */
  port?: number;
  env?: NodeJS.ProcessEnv;
  /** Settings that differ from PostgreSQL's own, by name. */
  settings?: Readonly<Record<string, string | number>>;
  /** In a session of its own: the terminal's Ctrl-C does not reach it. */
  detached?: boolean;
  /** What it says is kept here too. */
  logFile?: string;
}

const SETTINGS = { shared_buffers: '64MB', max_connections: 120 };

const run = promisify(execFile);
const asWhom = isRoot ? { uid: NOBODY, gid: NOBODY } : {};

export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const bin = await postgresBinaries();
  const data = await dataFolder(resolve(options.dir));
  const port = options.port ?? (await freePort());
  const env = { ...process.env, LC_ALL: 'C.UTF-8', ...options.env };
  const settings = Object.entries({ ...SETTINGS, ...options.settings }).flatMap(([k, v]) => ['-c', `${k}=${v}`]);

  if (!existsSync(join(data, 'PG_VERSION'))) {
    const how = ['--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync', '--no-instructions'];
    await run(join(bin, 'initdb'), ['-D', data, '-U', 'holdfast', ...how], { ...asWhom, env, cwd: '/' });
  }
  const start = () =>
    untilReady(
      spawn(join(bin, 'postgres'), ['-D', data, '-p', `${port}`, '-h', '127.0.0.1', '-k', '', ...settings], {
        ...asWhom,
        env,
        cwd: '/',
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: options.detached ?? false,
      }),
      options.logFile,
    );

  let child = await start();
  const url = `postgres://holdfast@127.0.0.1:${port}/holdfast`;
  await createDatabase(url);
  return {
    url,
    port,
    get pid() {
      return child.pid ?? 0;
    },
    get process() {
      return child;
    },
    stop: () => stop(child),
    kill: () => kill(child),
    restart: async () => {
      await stop(child);
      child = await start();
    },
  };
}

async function untilReady(child: ChildProcess, logFile?: string): Promise<ChildProcess> {
  let tail = '';
  await new Promise<void>((ready, failed) => {
    child.once('error', failed);
    child.once('exit', (code, signal) => failed(new Error(`postgres ended (${code ?? signal}): ${tail}`)));
    // Read for ever: a full pipe would stop the server at its next line.
    child.stderr?.on('data', (chunk: Buffer) => {
      if (logFile) appendFileSync(logFile, chunk);
      tail = (tail + chunk.toString()).slice(-4_000);
      if (tail.includes('ready to accept connections')) ready();
    });
  });
  return child;
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

async function stop(child: ChildProcess): Promise<void> {
  const end = ended(child);
  child.kill('SIGINT');
  await end;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = ended(child);
  const backends = await childrenOf(child.pid);
  child.kill('SIGKILL');
  for (const pid of backends) killOne(pid);
  await end;
  // A new postmaster refuses to start while one of them holds the old one's shared memory.
  while ((await Promise.all(backends.map(isAlive))).includes(true)) await new Promise((next) => setTimeout(next, 5));
}

async function childrenOf(pid: number | undefined): Promise<number[]> {
  return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean).map(Number);
}

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has ended by itself: its postmaster is gone.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A zombie holds nothing any more, and may never be reaped where process 1 does not care. */
async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return status !== '' && !/\) [ZX] /.test(status);
}

async function createDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: url.replace(/holdfast$/, 'postgres') });
  await client.connect();
  try {
    const { rowCount } = await client.query(`select from pg_database where datname = 'holdfast'`);
    if (rowCount === 0) await client.query('create database holdfast');
  } finally {
    await client.end();
  }
}
