import { mkdir, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { AtomicJson } from './fleet-file';

interface Contexts {
  current?: string;
  contexts: Record<string, { url: string; token: string }>;
}

const NAME = 'local';

export const contextPath = (): string =>
  process.env['HOLDFAST_CONTEXT_FILE'] ?? join(homedir(), '.config', 'holdfast', 'contexts.json');

/** The CLI's context `local`, made current: `npx holdfast` then talks to this fleet, from any folder. */
export async function enterContext(path: string, gateway: { url: string; token: string }): Promise<void> {
  const known = await contexts(path);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await new AtomicJson<Contexts>(path).write({ current: NAME, contexts: { ...known.contexts, [NAME]: gateway } });
}

/** Only if it is still ours: another fleet may have taken the name meanwhile. A file that holds nothing more goes. */
export async function leaveContext(path: string, gateway: { url: string; token: string }): Promise<void> {
  const { current, contexts: known } = await contexts(path);
  if (known[NAME]?.token !== gateway.token) return;
  const { [NAME]: _left, ...others } = known;
  if (Object.keys(others).length === 0) return rm(path);
  const stays = current !== undefined && current !== NAME ? { current } : {};
  await new AtomicJson<Contexts>(path).write({ ...stays, contexts: others });
}

async function contexts(path: string): Promise<Contexts> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{"contexts":{}}';
    throw error;
  });
  return JSON.parse(text) as Contexts;
}
