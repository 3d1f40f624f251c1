import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastWords, launch, noteAdopted, readAdopted } from './daemon-process';
import { EngineError } from './errors';
import { layerNode } from './layer.driver';
import { endProcess, isAlive, killProcess, type ProcessIdentity } from './process-identity';
import { QmpClient } from './qmp';

/** `disk`: acknowledged is on the medium's disks. `os`: in the host's memory, enough where all nodes share one host. */
export type Flush = 'os' | 'disk';

export interface EngineOptions {
  binary: string;
  flush: Flush;
}

/** A volume as the daemon opens it: its layers' files, bottom to top. Only the top is writable. */
interface OpenVolume {
  name: string;
  layers: { k: number; filename: string }[];
  direct?: boolean;
}

export const SERVING_PORT = 10809;
const OPENING_DEADLINE_MS = 2_000;
const START_DEADLINE_MS = 3_000;
const DYING_MS = 100;

/**
 * One `qemu-storage-daemon`, detached: it outlives the agent. Its folder below `run/` is made first and named on its
 * command line, so that a daemon that nobody wrote down is found all the same.
 */
export class StorageDaemon {
  /** Settles when the process is gone: images and address are free. */
  readonly gone: Promise<void>;
  private detached = false;

  private constructor(
    readonly folder: string,
    readonly identity: ProcessIdentity,
    private readonly qmp: QmpClient,
    readonly flush: Flush,
  ) {
    this.gone = qmp.gone.then(() => this.untilDead());
  }

  static async start(folder: string, options: EngineOptions): Promise<StorageDaemon> {
    await mkdir(folder, { recursive: true });
    const identity = await launch(folder, options.binary, monitors());
    try {
      await noteAdopted(folder, identity);
      const qmp = await connectOnceUp(folder, identity);
      const daemon = new StorageDaemon(folder, identity, qmp, options.flush);
      await daemon.execute('object-add', { 'qom-type': 'throttle-group', id: 'tg', limits: {} });
      return daemon;
    } catch (error) {
      await endProcess(identity); // the next attempt may be in this very folder
      throw error;
    }
  }

  /** The daemon that runs in this folder already, or undefined: nobody lives there, or nobody answers. */
  static async attach(folder: string, flush: Flush): Promise<StorageDaemon | undefined> {
    const identity = await readAdopted(folder);
    if (!identity || !isAlive(identity)) return undefined;
    try {
      return new StorageDaemon(folder, identity, await QmpClient.connect(join(folder, 'qmp')), flush);
    } catch (error) {
      if (error instanceof EngineError) return undefined;
      throw error;
    }
  }

  execute<Result>(command: string, args: object = {}, deadlineMs?: number): Promise<Result> {
    return this.qmp.execute<Result>(command, args, deadlineMs);
  }

  async open(volume: OpenVolume): Promise<void> {
    const root = { driver: 'throttle', 'node-name': volume.name, 'throttle-group': 'tg', file: this.chain(volume) };
    await this.execute('blockdev-add', root, OPENING_DEADLINE_MS);
  }

  async close(name: string): Promise<void> {
    await this.execute('blockdev-del', { 'node-name': name }, OPENING_DEADLINE_MS);
  }

  async listen(host: string, port: number): Promise<void> {
    const addr = { type: 'inet', data: { host, port: String(port) } };
    await this.execute('nbd-server-start', { addr, 'max-connections': 0 });
  }

  /** `writethrough`: an acknowledged write is durable. qcow2 keeps its tables in the process, SIGKILL would lose them. */
  async export(name: string): Promise<void> {
    const options = { type: 'nbd', id: `e-${name}`, 'node-name': name, name, writable: true, writethrough: true };
    await this.execute('block-export-add', options);
  }

  async exports(): Promise<string[]> {
    const found = await this.execute<{ 'node-name': string; 'shutting-down': boolean }[]>('query-block-exports');
    return found.filter((one) => !one['shutting-down']).map((one) => one['node-name']);
  }

  /** Node name and image file of everything that is open. */
  async openFiles(): Promise<{ node: string; file: string }[]> {
    type Node = { 'node-name': string; file: string };
    const nodes = await this.execute<Node[]>('query-named-block-nodes', { flat: true }, OPENING_DEADLINE_MS);
    return nodes.map((one) => ({ node: one['node-name'], file: one.file }));
  }

  /** Clients off first, then every image closed and thereby flushed, then the end of the process. */
  async stop(): Promise<void> {
    const names = await this.exports();
    for (const name of names) await this.execute('block-export-del', { id: `e-${name}`, mode: 'hard' });
    await this.execute('nbd-server-stop');
    for (const name of names) await this.close(name);
    await this.execute('quit');
    await this.leaveNothing();
  }

  /** How long the daemon takes to answer. It throws when the deadline is missed. */
  async ping(): Promise<number> {
    const asked = performance.now();
    await this.execute('query-block-exports');
    return performance.now() - asked;
  }

  /** Leaves the daemon to whoever attaches next: a monitor greets one client at a time. */
  detach(): void {
    this.detached = true;
    this.qmp.close();
  }

  kill(): void {
    killProcess(this.identity);
  }

  /** Killed, gone, and nothing left of it. Acknowledged is durable in a writethrough export: SIGKILL loses nothing. */
  async discard(): Promise<void> {
    this.kill();
    await this.leaveNothing();
  }

  private async leaveNothing(): Promise<void> {
    await this.gone;
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The monitor is lost: the process ended, or it missed a deadline. Then no client may go on with it either. */
  private async untilDead(): Promise<void> {
    if (this.detached) return;
    const patienceEnds = performance.now() + DYING_MS;
    while (isAlive(this.identity) && performance.now() < patienceEnds) await sleep(5);
    if (isAlive(this.identity)) await this.cutOff();
    while (isAlive(this.identity)) await sleep(5);
  }

  /** The second monitor closes the door, and SIGKILL does in any case. */
  private async cutOff(): Promise<void> {
    try {
      const cut = await QmpClient.connect(join(this.folder, 'cut'));
      await cut.execute('nbd-server-stop');
      cut.close();
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
    }
    this.kill();
  }

  private chain({ name, layers, direct = false }: OpenVolume): object {
    const top = layers.at(-1)!.k;
    return layers.reduce<object | null>((backing, { k, filename }) => {
      const node = layerNode({ name, k }, { flush: this.flush, direct, frozen: k !== top });
      return { ...node, file: { ...node.file, filename }, backing };
    }, null)!;
  }
}

/** Two monitors: a second client on one is not greeted. */
function monitors(): string[] {
  const monitor = (id: string, path: string) => [
    ...['--chardev', `socket,id=${id},path=${path},server=on,wait=off`],
    ...['--monitor', `chardev=${id}`],
  ];
  return [...monitor('m0', 'qmp'), ...monitor('m1', 'cut')];
}

async function connectOnceUp(folder: string, identity: ProcessIdentity): Promise<QmpClient> {
  const deadline = performance.now() + START_DEADLINE_MS;
  for (;;) {
    try {
      return await QmpClient.connect(join(folder, 'qmp'));
    } catch (error) {
      if (!isAlive(identity)) throw new EngineError('ENGINE_GONE', await lastWords(folder), { cause: error });
      if (performance.now() >= deadline) throw error;
      await sleep(5);
    }
  }
}
