import { execFileSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { scrubSpec, snapshotSpec } from '@holdfast/contracts';
import { canonical } from '@holdfast/kernel';
import { MIB, PIECE_BYTES, sha256 } from './manifest';
import { isZero } from './pieces';
import { PrivateDaemon } from './private-daemon';
import { daemonsBelow, killProcess } from './process-identity';
import { TaskNode } from './task-node.fixture';
import type { HeardTask } from './tasks';

const ORDERED_AT = '2026-01-01T00:01:00.000Z';

/** For specs: a medium with a system on it that has a frozen point, and nodes as processes of their own. */
export class TaskCluster {
  readonly root = mkdtempSync('/var/tmp/holdfast-tasks-');
  readonly medium = join(this.root, 'medium/alpha');
  /** What each volume holds at the point. */
  readonly content = new Map<string, Buffer>();
  private readonly nodes: TaskNode[] = [];
  private made?: string;
  private readonly network = 1 + Math.floor(Math.random() * 250);

  constructor() {
    mkdirSync(join(this.medium, 's1'), { recursive: true });
  }

  /** A medium of its own with all that lies on this one, and no nodes: a system and its backup are made once for many tests. */
  copy(): TaskCluster {
    const copy = new TaskCluster();
    cpSync(this.medium, copy.medium, { recursive: true });
    for (const [volumeId, bytes] of this.content) copy.content.set(volumeId, bytes);
    copy.made = this.manifest();
    return copy;
  }

  async node(number: number): Promise<TaskNode> {
    mkdirSync(join(this.root, `n${number}`, 'run'), { recursive: true });
    const node = await TaskNode.start(this.root, `n${number}`, this.address(number));
    this.nodes.push(node);
    return node;
  }

  address(node: number): string {
    return `127.76.${this.network}.${node}`;
  }

  async clear(): Promise<void> {
    for (const node of this.nodes) await node.kill();
    const folders = readdirSync(this.root).map((name) => join(this.root, name, 'run'));
    // The maker's own too: a test that ends in the middle leaves them.
    for (const folder of [...folders, join(this.root, 'maker')])
      for (const { identity } of daemonsBelow(folder)) killProcess(identity);
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  /**
   * Two layers frozen at point `p1` and one above it: data in the first of every two MiB; in the second layer some of it
   * overwritten, some zeroed; a whole piece of holes; in the top what is no part of the point.
   */
  async system(sizes: Record<string, number>): Promise<void> {
    const volumes = Object.entries(sizes).map(([volumeId, sizeBytes]) => ({ volumeId, sizeBytes }));
    const file = (volumeId: string, k: number) => `${volumeId}.${k}.e1.qcow2`;
    const path = (volumeId: string, k: number) => join(this.medium, 's1', file(volumeId, k));
    for (const { volumeId, sizeBytes } of volumes) {
      this.content.set(volumeId, Buffer.alloc(sizeBytes));
      image(path(volumeId, 1), sizeBytes);
      for (const k of [2, 3]) image(path(volumeId, k), sizeBytes, path(volumeId, k - 1));
      for (const k of [1, 2, 3]) await this.write({ volumeId, sizeBytes, k, path: path(volumeId, k) });
    }
    image(join(this.medium, 's1/probe.qcow2'), MIB);
    const layers = (volumeId: string) => [1, 2, 3].map((k) => ({ k, file: file(volumeId, k) }));
    const chain = {
      volumes: volumes.map((volume) => ({ ...volume, layers: layers(volume.volumeId) })),
      points: [{ k: 2, pointId: 'p1', at: '2026-01-01T00:00:00.000Z' }],
      pins: [{ k: 2, by: 't-1' }],
    };
    writeFileSync(join(this.medium, 's1/chain.json'), JSON.stringify(chain));
  }

  /** By a node that has no part in what follows. */
  async backup(): Promise<void> {
    const maker = await this.node(9);
    maker.say({ order: this.snapshot(1) });
    await maker.untilTold('TaskFinished', 1);
    await maker.kill();
  }

  /** As a run that nobody disturbs makes it, worked out from the content alone. */
  manifest(): string {
    return (this.made ??= this.workOut());
  }

  private workOut(): string {
    const volumes = [...this.content].map(([volumeId, bytes]) => ({
      volumeId,
      sizeBytes: bytes.length,
      pieces: slices(bytes, PIECE_BYTES)
        .map((piece, n) => ({ n, bytes: piece.length, sha256PerMiB: slices(piece, MIB).map(hashOrNull) }))
        .filter(({ sha256PerMiB }) => sha256PerMiB.some((hash) => hash !== null)),
    }));
    return canonical({ volumes });
  }

  snapshot(epoch: number, { taskId = 't-1', pointId = 'p1', rate = 512 * MIB } = {}): HeardTask {
    const spec = snapshotSpec.parse({ systemId: 's1', pointId, bytesPerSec: rate });
    return { kind: 'snapshot', taskId, epoch, at: ORDERED_AT, spec, nodeIncarnation: null };
  }

  scrub(
    epoch: number,
    { taskId = 't-2', of = 1, rate = 512 * MIB, manifest = sha256(this.manifest()) } = {},
  ): HeardTask {
    const backup = { systemId: 's1', pointId: 'p1', epoch: of, manifest };
    const spec = scrubSpec.parse({ systemId: 's1', backup, bytesPerSec: rate });
    return { kind: 'scrub', taskId, epoch, at: ORDERED_AT, spec, nodeIncarnation: null };
  }

  attempt(epoch: number): string {
    return join(this.medium, 'backups/s1', `p1.e${epoch}`);
  }

  /** Its sealed pieces, each with the number that tells one file from another. */
  pieces(epoch: number): Map<string, number> {
    const names = readdirSync(this.attempt(epoch)).filter((name) => name.endsWith('.piece'));
    return new Map(names.map((name) => [name, statSync(join(this.attempt(epoch), name)).ino]));
  }

  sealed(epoch: number): string[] {
    const lines = readFileSync(join(this.attempt(epoch), 'sealed.ndjson'), 'utf8')
      .trim()
      .split('\n')
      .slice(1);
    return lines
      .map((line) => JSON.parse(line) as { volumeId: string; n: number })
      .map(({ volumeId, n }) => `${volumeId}.${n}.piece`);
  }

  /** As a fold does, a daemon has the layer open for writing, until it is closed. */
  writesInto(volumeId: string, k: number): Promise<PrivateDaemon> {
    return this.writer({ volumeId, k, path: join(this.medium, 's1', `${volumeId}.${k}.e1.qcow2`) });
  }

  private writer({ volumeId, k, path }: { volumeId: string; k: number; path: string }): Promise<PrivateDaemon> {
    const blockdev = { driver: 'qcow2', discard: 'unmap', file: { driver: 'file', filename: path } };
    return PrivateDaemon.start({
      ...{ binary: 'qemu-storage-daemon', runFolder: join(this.root, 'maker') },
      ...{ name: { role: 'filler', of: volumeId, epoch: k }, exports: [{ name: volumeId, blockdev, writable: true }] },
    });
  }

  private async write({
    volumeId,
    sizeBytes,
    k,
    path,
  }: {
    volumeId: string;
    sizeBytes: number;
    k: number;
    path: string;
  }) {
    const daemon = await this.writer({ volumeId, k, path });
    const nbd = await daemon.connect(volumeId);
    for (let offset = 0; offset < sizeBytes; offset += 2 * MIB) {
      const number = offset / (2 * MIB);
      const piece = Math.floor(offset / PIECE_BYTES);
      if (piece === 1 || (k > 1 && number % 3 !== k - 2)) continue;
      const at = offset + k * 4096; // never a MiB from its start
      const bytes =
        k === 2 && number % 2 === 0 ? Buffer.alloc(64 * 1024) : pattern(`${volumeId} ${k} ${offset}`, 300_000);
      await nbd.write(at, bytes);
      if (k < 3) bytes.copy(this.content.get(volumeId)!, at);
    }
    await nbd.flush();
    nbd.close();
    await daemon.close();
  }
}

function image(path: string, sizeBytes: number, backing?: string): void {
  const below = backing ? ['-b', basename(backing), '-F', 'qcow2'] : []; // beside it, wherever both are copied to
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...below, path, String(sizeBytes)]);
}

const pattern = (seed: string, bytes: number) => Buffer.alloc(bytes, sha256(seed));

function slices(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

function hashOrNull(mib: Buffer): string | null {
  return isZero(mib) ? null : sha256(mib);
}

export function flipByte(path: string, at: number, bits = 0x01): void {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  writeSync(file, Buffer.from([byte[0]! ^ bits]), 0, 1, at);
  closeSync(file);
}
