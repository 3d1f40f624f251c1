import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { usage } from './failure';
import type { World } from './world';

const contexts = z.object({
  current: z.string().optional(),
  contexts: z.record(z.string(), z.object({ url: z.url(), token: z.string() })).default({}),
});
export type Contexts = z.infer<typeof contexts>;

export function contextFile({ env }: World): string {
  return env['HOLDFAST_CONTEXT_FILE'] || join(homedir(), '.config/holdfast/contexts.json');
}

export function readContexts(world: World): Contexts {
  const file = contextFile(world);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { contexts: {} };
    throw usage(`${file} cannot be read: ${(error as Error).message}`, 'correct its access rights');
  }
  const parsed = contexts.safeParse(jsonOf(text));
  if (!parsed.success) throw usage(`${file} is not a context file`, 'remove it, then `holdfast login`');
  return parsed.data;
}

/** Tokens stand in it: for its owner's eyes alone, and never half written. */
export function writeContexts(world: World, value: Contexts): void {
  const file = contextFile(world);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No schema accepts it, so whoever asked says what is wrong with the file.
    return undefined;
  }
}
