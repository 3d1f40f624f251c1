import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NbdClient, NbdError } from '@holdfast/nbd';
import { lastLine, lastWords, launch, noteAdopted } from './daemon-process';
import { EngineError } from './errors';
import { daemonsBelow, endProcess, isAlive, type ProcessIdentity } from './process-identity';
import { shortest } from './qmp';

/** An image with what lies below it, as `--blockdev` takes it. */
interface PrivateExport {
  name: string;
  blockdev: object;
  writable: boolean;
}

interface PrivateDaemonOptions {
  binary: string;
  runFolder: string;
  /** What it is for, and for which attempt: names its folder. */
  name: { role: 'reader' | 'filler'; of: string; epoch: number };
  exports: PrivateExport[];
}

const UP_WITHIN_MS = 5_000;
const CLOSES_WITHIN_MS = 30_000;
const NBD_TIMEOUT_MS = 30_000;
/** No system's folder holds it, so that nobody takes the daemon for one that serves, and adopts it or counts its claims. */
const MARK = '@';

/**
 * A storage daemon for one piece of work, on a unix socket that no client knows. All that it does stands on its command
 * line. It ends with the work; one whose agent died is ended by the next.
 */
export class PrivateDaemon {
  private constructor(
    private readonly folder: string,
    private readonly identity: ProcessIdentity,
  ) {}

  static async start({ binary, runFolder, name, exports }: PrivateDaemonOptions): Promise<PrivateDaemon> {
    const folder = join(runFolder, [name.role, encodeURIComponent(name.of), name.epoch].join(MARK));
    await mkdir(folder, { recursive: true });
    const args = ['--nbd-server', 'addr.type=unix,addr.path=nbd', ...exports.flatMap(exportArguments)];
    const daemon = new PrivateDaemon(folder, await launch(folder, binary, args));
    try {
      await noteAdopted(folder, daemon.identity);
      await daemon.untilUp(exports.map((one) => one.name));
      return daemon;
    } catch (error) {
      await daemon.discard();
      throw error;
    }
  }

  connect(exportName: string): Promise<NbdClient> {
    const path = shortest(join(this.folder, 'nbd'));
    return NbdClient.connect({ path }, exportName, { timeoutMs: NBD_TIMEOUT_MS, allocation: true });
  }

  /** What it complained of last. */
  words(): Promise<string> {
    return lastLine(this.folder);
  }

  /** Images are flushed and closed first. */
  async close(): Promise<void> {
    if (isAlive(this.identity)) process.kill(this.identity.pid, 'SIGTERM');
    for (const until = performance.now() + CLOSES_WITHIN_MS; isAlive(this.identity); await sleep(5))
      if (performance.now() > until) throw new EngineError('ENGINE_SILENT', `${this.folder} does not end`);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** At once. What it wrote last is not to be relied on. */
  async discard(): Promise<void> {
    await endProcess(this.identity);
    await rm(this.folder, { recursive: true, force: true });
  }

  private async untilUp(names: string[]): Promise<void> {
    for (const until = performance.now() + UP_WITHIN_MS; ; await sleep(10)) {
      try {
        // The socket is there before the exports are.
        for (const name of names) (await this.connect(name)).close();
        return;
      } catch (error) {
        if (!(error instanceof NbdError)) throw error;
        if (!isAlive(this.identity)) throw new EngineError('ENGINE_GONE', await lastWords(this.folder));
        if (performance.now() > until)
          throw new EngineError('ENGINE_SILENT', `${basename(this.folder)} does not come up`, { cause: error });
      }
    }
  }
}

function exportArguments({ name, blockdev, writable }: PrivateExport): string[] {
  const exported = { type: 'nbd', id: `e-${name}`, 'node-name': name, name, writable };
  return ['--blockdev', JSON.stringify({ 'node-name': name, ...blockdev }), '--export', JSON.stringify(exported)];
}

/** At an agent's start: the work of these ended with the agent before. */
export async function endPrivateDaemons(runFolder: string): Promise<void> {
  for (const { folder, identity } of daemonsBelow(runFolder)) if (folder.includes(MARK)) await endProcess(identity);
  for (const name of await readdir(runFolder))
    if (name.includes(MARK)) await rm(join(runFolder, name), { recursive: true, force: true });
}
