/**
 * The keeper: a process in a session of its own that outlives the supervisor by a moment. When the pipe between them
 * closes, for whatever reason, it ends everything that this run has started and removes its data. So `kill -9` of the
 * supervisor leaves as little behind as Ctrl-C.
 */
import { readlink, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { takeAddressBlock } from './address-block';
import type { KeeperNote } from './keeper-link';
import { killAll, processesOf, signal } from './processes';

const POSTGRES_PATIENCE_MS = 5_000;

async function main(runId: string): Promise<void> {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});
  // Nobody may be left to read what we say.
  process.stdout.on('error', () => {});

  const { block } = await takeAddressBlock();
  process.stdout.write(`${JSON.stringify({ block })}\n`);

  let leftovers: string[] = [];
  for await (const line of createInterface({ input: process.stdin }))
    leftovers = (JSON.parse(line) as KeeperNote).remove;

  await endPostgres(runId);
  const swept = await killAll(() => processesOf(runId));
  for (const path of leftovers) await remove(path);
  process.stdout.write(`${JSON.stringify({ swept })}\n`);
  process.exit(0);
}

/** First and by SIGQUIT: SIGKILL would leave its shared memory, and its children hide their environment from us. */
async function endPostgres(runId: string): Promise<void> {
  const postmasters = () => processesOf(runId).filter(({ command }) => basename(command[0] ?? '') === 'postgres');
  for (const { pid } of postmasters()) signal(pid, 'SIGQUIT');
  const until = Date.now() + POSTGRES_PATIENCE_MS;
  while (postmasters().length > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** With what it links to: PostgreSQL's data of a root whose checkout is closed to others lies elsewhere. */
async function remove(path: string): Promise<void> {
  const target = await readlink(path).catch(() => undefined);
  if (target !== undefined) await rm(target, { recursive: true, force: true });
  await rm(path, { recursive: true, force: true });
}

const [runId] = process.argv.slice(2);
if (!runId) process.exit(2);
main(runId).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
