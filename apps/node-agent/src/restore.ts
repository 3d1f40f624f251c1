import { join } from 'node:path';
import { NbdError } from '@holdfast/nbd';
import { folderOfAttempt, readManifest } from './backup-folder';
import type { Chain } from './chain';
import { EngineError, Superseded } from './errors';
import type { ServeOrder } from './journal-records';
import { lengthOfPiece, PIECE_BYTES, type Manifest } from './manifest';
import { BackupDamaged, pieceFile, readPiece } from './pieces';
import { PrivateDaemon } from './private-daemon';
import { Progress, type TaskSample } from './progress';
import type { Attempt, NodeEngine } from './take-up';

interface RestoreParts {
  node: NodeEngine;
  observed(sample: TaskSample): void;
}

/**
 * New images, from a backup whose manifest and bytes are checked on the way. They are nobody's until they are listed:
 * whoever restores at the next epoch begins with images of its own.
 */
export function fillFromBackup(parts: RestoreParts): Attempt['fill'] {
  return async (order, { folder, chain, signal }) => {
    const { node, observed } = parts;
    const { taskId, epoch } = order;
    const backup = order.spec.fromBackup!;
    const attempt = folderOfAttempt(node.mediumFolder, backup);
    const { manifest } = await readManifest(attempt, backup.manifest);
    if (!manifest) throw new BackupDamaged(`${attempt} does not hold the manifest that was made`);
    mustFit(manifest, chain);
    const progress = new Progress(
      { totalBytes: manifest.volumes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) },
      { observed: (sample) => observed({ taskId, epoch, ...sample }), reached: () => undefined },
    );
    const daemon = await startFiller(node, order, { folder, chain });
    progress.start();
    try {
      for (const volume of manifest.volumes) await fillVolume(daemon, volume, { attempt, progress, signal });
      await daemon.close();
    } catch (error) {
      await daemon.discard();
      throw asRefusal(error);
    } finally {
      progress.stop();
    }
  };
}

function mustFit(manifest: Manifest, chain: Chain): void {
  const sizes = ({ volumes }: Pick<Chain, 'volumes'> | Manifest) =>
    JSON.stringify(volumes.map(({ volumeId, sizeBytes }) => [volumeId, sizeBytes]).sort());
  if (sizes(manifest) !== sizes(chain))
    throw new BackupDamaged(`the backup holds ${sizes(manifest)}, the order asks for ${sizes(chain)}`);
}

function startFiller(node: NodeEngine, { systemId, epoch }: ServeOrder, images: { folder: string; chain: Chain }) {
  const exports = images.chain.volumes.map(({ volumeId, layers }) => ({
    name: volumeId,
    blockdev: {
      driver: 'qcow2',
      file: { driver: 'file', filename: join(images.folder, layers[0]!.file), locking: 'on' },
    },
    writable: true,
  }));
  const name = { role: 'filler' as const, of: systemId, epoch };
  return PrivateDaemon.start({ binary: node.engine.binary, runFolder: node.runFolder, name, exports });
}

async function fillVolume(
  daemon: PrivateDaemon,
  { volumeId, sizeBytes, pieces }: Manifest['volumes'][number],
  { attempt, progress, signal }: { attempt: string; progress: Progress; signal: AbortSignal },
): Promise<void> {
  const image = await daemon.connect(volumeId);
  try {
    const byNumber = new Map(pieces.map((piece) => [piece.n, piece]));
    for (let n = 0; n * PIECE_BYTES < sizeBytes; n++) {
      if (signal.aborted) throw new Superseded('a newer order arrived');
      const piece = byNumber.get(n);
      if (piece)
        for await (const { at, mib } of readPiece(join(attempt, pieceFile(volumeId, n)), piece))
          await image.write(n * PIECE_BYTES + at, mib);
      progress.advance(lengthOfPiece(n, sizeBytes), `${volumeId}.${n}`);
    }
    await image.flush();
  } finally {
    image.close();
  }
}

function asRefusal(error: unknown): unknown {
  if (!(error instanceof NbdError)) return error;
  return new EngineError(error.errno === 'ENOSPC' ? 'NO_SPACE' : 'ENGINE_REFUSED', error.message, { cause: error });
}
