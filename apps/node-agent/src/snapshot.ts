import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SnapshotResult } from '@holdfast/contracts';
import { canonical } from '@holdfast/kernel';
import {
  AttemptFolder,
  backupOfAnotherPoint,
  earlierAttempts,
  type Attempt,
  type AttemptName,
  type PointOfAttempt,
} from './backup-folder';
import { readChain, type Chain } from './chain';
import { EngineError } from './errors';
import type { Unbranded } from './facts';
import {
  dataBytes,
  lengthOfPiece,
  MIB,
  PIECE_BYTES,
  piecesOf,
  sha256,
  type Manifest,
  type PieceOfVolume,
} from './manifest';
import { checkPiece, checkWritten, pieceFile, writePiece } from './pieces';
import { Reader } from './reader';
import { requireMedium, type NodeEngine } from './take-up';
import { TaskFault } from './task-fault';
import type { Begun, SnapshotOrder, Work } from './work';

/** A point of a system, piece by piece into a folder of this attempt's own; what earlier ones sealed is checked and linked. */
export async function beginSnapshot(order: SnapshotOrder, work: Work): Promise<Begun> {
  const { systemId, pointId } = order.spec;
  const { mediumFolder } = work.node;
  await requireMedium(mediumFolder);
  const { chain, point, reader } = await openPoint(order, work);
  try {
    const of = { systemId, pointId, epoch: order.epoch, point, taskId: order.taskId, orderedAt: order.at };
    await mustNotReplace(mediumFolder, of);
    const earlier = await earlierAttempts(mediumFolder, of);
    const folder = await AttemptFolder.open(mediumFolder, of);
    return {
      totalBytes: chain.volumes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      run: () => new Snapshot(work, { folder, reader, earlier }).run(chain),
      close: async () => {
        await reader.close();
        await folder.close();
      },
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

interface Parts {
  folder: AttemptFolder;
  reader: Reader;
  earlier: Attempt[];
}

class Snapshot {
  constructor(
    private readonly work: Work,
    private readonly parts: Parts,
  ) {}

  async run(chain: Chain): Promise<Unbranded<SnapshotResult>> {
    const manifest: Manifest = { volumes: [] };
    for (const { volumeId, sizeBytes } of chain.volumes)
      manifest.volumes.push({ volumeId, sizeBytes, pieces: await this.piecesOf(volumeId, sizeBytes) });
    const text = canonical(manifest);
    await this.parts.folder.finish(text, this.work.mustBeOurs);
    const pieces = piecesOf(manifest);
    return {
      manifest: sha256(text),
      volumes: chain.volumes.map(({ volumeId, sizeBytes }) => ({ volumeId, sizeBytes })),
      pieces: pieces.length,
      bytes: pieces.reduce((sum, piece) => sum + dataBytes(piece), 0),
    };
  }

  private async piecesOf(volumeId: string, sizeBytes: number) {
    const pieces = [];
    for (let n = 0; n * PIECE_BYTES < sizeBytes; n++) {
      this.work.signal.throwIfAborted();
      const bytes = lengthOfPiece(n, sizeBytes);
      const piece = (await this.takeOver(volumeId, n)) ?? (await this.make({ volumeId, n, bytes }));
      if (piece) pieces.push({ n, bytes, sha256PerMiB: piece.sha256PerMiB });
      this.work.advance(bytes, `${volumeId}.${n}`);
    }
    return pieces;
  }

  /** The newest that earlier attempts sealed and that still holds what they say. */
  private async takeOver(volumeId: string, n: number): Promise<PieceOfVolume | undefined> {
    const name = pieceFile(volumeId, n);
    for (const { folder, sealed } of this.parts.earlier) {
      const piece = sealed.get(name);
      if (!piece || (await checkPiece(join(folder, name), piece, this.work.check)) !== 'whole') continue;
      this.work.mustBeOurs();
      await this.parts.folder.adopt(piece, folder);
      return piece;
    }
    return undefined;
  }

  /** Read back before it counts: what differs from what was read is made once more, and twice is no accident. */
  private async make(of: { volumeId: string; n: number; bytes: number }): Promise<PieceOfVolume | undefined> {
    const { folder, reader } = this.parts;
    const start = of.n * PIECE_BYTES;
    const mibs = await reader.dataIn(of.volumeId, start, of.bytes);
    if (mibs.length === 0) return undefined;
    const draft = folder.draftOf(of);
    for (let attempt = 1; attempt <= 2; attempt++) {
      const piece = { ...of, ...(await writePiece(draft, of.bytes, this.read(of, mibs))) };
      if (piece.sha256PerMiB.every((hash) => hash === null)) return void (await folder.dropDraft(of));
      if ((await checkWritten(draft, piece)) !== 'whole') continue;
      this.work.mustBeOurs();
      await folder.seal(piece);
      return piece;
    }
    throw new TaskFault('subject', 'PIECE_DIFFERS', `${draft} holds something else than was written, twice`);
  }

  private async *read({ volumeId, n, bytes }: { volumeId: string; n: number; bytes: number }, mibs: number[]) {
    const start = n * PIECE_BYTES;
    for (const offset of mibs) {
      const length = Math.min(MIB, start + bytes - offset);
      await this.work.turn(length);
      yield { at: offset - start, mib: await this.parts.reader.read(volumeId, offset, length) };
    }
  }
}

/** A fold that is seen for so long is told. */
const TELL_AFTER_MS = 1_000;
/** Within this time the list names other layers than those that a fold took away. */
const GONE_MS = 5_000;
const LOOK_AGAIN_MS = 100;

/**
 * Layers below the point may be folded at this moment. While they are, they are locked: that takes as long as it takes,
 * and is waited for, told once. Then they are gone, and the list soon names others.
 */
async function openPoint(order: SnapshotOrder, { node, signal, blocked }: Work) {
  const tellAt = performance.now() + TELL_AFTER_MS;
  let told = false;
  let goneSince: number | undefined;
  for (; ; await sleep(LOOK_AGAIN_MS, undefined, { signal })) {
    try {
      return await tryToOpen(order, node);
    } catch (error) {
      const now = performance.now();
      if (!isLocked(error) && !isGone(error)) throw error;
      goneSince = isGone(error) ? (goneSince ?? now) : undefined;
      if (goneSince !== undefined && now - goneSince >= GONE_MS) throw error;
      if (told || now < tellAt || !isLocked(error)) continue;
      told = true;
      blocked('chainLock');
    }
  }
}

async function tryToOpen({ taskId, epoch, spec }: SnapshotOrder, node: NodeEngine) {
  const { chain, point } = await findPoint(join(node.mediumFolder, spec.systemId), spec.pointId);
  const reader = await Reader.open(node, { taskId, epoch, systemId: spec.systemId, chain, k: point.k });
  return { chain, point, reader };
}

/** An engine that ends at once says this last, below what it failed to do. */
const isLocked = (error: unknown) =>
  error instanceof EngineError && /Failed to get .*lock|another process using the image/.test(error.message);
const isGone = (error: unknown) => error instanceof EngineError && /No such file/.test(error.message);

async function findPoint(systemFolder: string, pointId: string): Promise<{ chain: Chain; point: PointOfAttempt }> {
  const chain = await readChain(systemFolder);
  const point = chain?.points.find((one) => one.pointId === pointId);
  if (!chain || !point) throw new TaskFault('subject', 'POINT_GONE', `${pointId} is not a point of ${systemFolder}`);
  return { chain, point: { k: point.k, at: point.at } };
}

/** A name that is used again for another point must not take the place of the backup of the first. */
async function mustNotReplace(mediumFolder: string, of: AttemptName): Promise<void> {
  const folder = await backupOfAnotherPoint(mediumFolder, of);
  if (folder) throw new TaskFault('subject', 'BACKUP_EXISTS', `${folder} is the backup of another point of this name`);
}
