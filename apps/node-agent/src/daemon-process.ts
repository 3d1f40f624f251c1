import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { EngineError } from './errors';
import { identify, type ProcessIdentity } from './process-identity';

/** Detached, in its own folder of `run/`, which its command line names: who is not written down is found all the same. */
export async function launch(folder: string, binary: string, more: string[]): Promise<ProcessIdentity> {
  const args = ['--pidfile', join(folder, 'pid'), ...more];
  const log = openSync(join(folder, 'log'), 'a');
  try {
    // Its sockets are named from its own working folder: 108 bytes are not enough for every path from the root.
    const child = spawn(binary, args, { cwd: folder, detached: true, stdio: ['ignore', log, log] });
    await once(child, 'spawn').catch((cause: Error) => {
      throw new EngineError('ENGINE_GONE', `${binary} does not start: ${cause.message}`, { cause });
    });
    child.on('error', () => undefined); // later ones are about signals, and we send none through it
    child.unref();
    const identity = identify(child.pid!);
    if (!identity) throw new EngineError('ENGINE_GONE', await lastWords(folder));
    return identity;
  } finally {
    closeSync(log);
  }
}

/** Of a daemon that did not come up. */
export async function lastWords(folder: string): Promise<string> {
  return `the daemon in ${basename(folder)} ended at once: ${await lastLine(folder)}`;
}

export async function lastLine(folder: string): Promise<string> {
  const words = (await readFile(join(folder, 'log'), 'utf8')).trim().split('\n').at(-1);
  return words || 'it said nothing';
}

/** Whoever is not in this file is nobody's daemon, and is killed by agent or watchdog. */
export async function noteAdopted(folder: string, identity: ProcessIdentity): Promise<void> {
  const path = join(folder, 'adopted.json');
  await writeFile(`${path}.new`, JSON.stringify(identity));
  await rename(`${path}.new`, path);
}

export async function readAdopted(folder: string): Promise<ProcessIdentity | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'adopted.json'), 'utf8')) as ProcessIdentity;
  } catch {
    return undefined; // absent or torn: then nobody was adopted
  }
}
