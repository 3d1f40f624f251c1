import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { FleetError } from '@holdfast/kernel';
import { writeWhole } from './journal';
import { MIB, sha256, type Piece } from './manifest';

/* Pieces of a volume as files: a MiB at a time, so that nothing else of the agent waits for more than its hash. */

/** What lies there may be anything: a pipe would be waited for, in one of the few threads that all files share. */
export const READ = constants.O_RDONLY | constants.O_NONBLOCK;

const ZEROES = Buffer.alloc(MIB);

export const isZero = (bytes: Buffer): boolean => bytes.equals(ZEROES.subarray(0, bytes.length));

export const pieceFile = (volumeId: string, n: number): string => `${volumeId}.${n}.piece`;

/** Called before so many bytes are read: it waits for their turn, and throws once they are not wanted any more. */
export type Turn = (bytes: number) => Promise<void>;

/** Writes what is given, each MiB at its place; what is not stays a hole. Durable when it returns. */
export async function writePiece(
  path: string,
  bytes: number,
  data: AsyncIterable<{ at: number; mib: Buffer }>,
): Promise<Pick<Piece, 'bytes' | 'sha256PerMiB'>> {
  const sha256PerMiB: (string | null)[] = Array.from({ length: Math.ceil(bytes / MIB) }, () => null);
  const file = await open(path, 'w');
  try {
    for await (const { at, mib } of data) {
      if (isZero(mib)) continue;
      sha256PerMiB[at / MIB] = sha256(mib);
      await writeWhole(file, mib, at);
    }
    await file.truncate(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256PerMiB };
}

/** A backup holds something else than what was made, or does not hold it any more. */
export class BackupDamaged extends FleetError {
  readonly code = 'BACKUP_DAMAGED';
  readonly retryable = false;
  override readonly remedy = 'scrub the backup to learn what else is damaged, and restore another one';
}

export type PieceState = 'whole' | 'missing' | 'wrongLength' | 'wrongBytes' | 'unreadable';

/** Reads a piece against what it should hold. */
export async function checkPiece(path: string, expected: Omit<Piece, 'n'>, turn: Turn): Promise<PieceState> {
  try {
    const file = await open(path, READ);
    try {
      if ((await file.stat()).size !== expected.bytes) return 'wrongLength';
      for await (const { i, mib } of mibsOf(file, expected, turn))
        if (!holds(mib, expected.sha256PerMiB[i]!)) return 'wrongBytes';
      return 'whole';
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'missing';
    if (code === 'EIO') return 'unreadable';
    throw error;
  }
}

/** What a piece holds beside zeroes, each MiB checked before it is given. */
export async function* readPiece(
  path: string,
  expected: Omit<Piece, 'n'>,
): AsyncGenerator<{ at: number; mib: Buffer }> {
  const file = await open(path, READ).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw new BackupDamaged(`${path} is missing`, { cause });
  });
  try {
    for await (const { i, mib } of mibsOf(file, expected, () => Promise.resolve())) {
      const hash = expected.sha256PerMiB[i]!;
      if (!holds(mib, hash)) throw new BackupDamaged(`${path} differs at MiB ${i}`);
      if (hash !== null) yield { at: i * MIB, mib };
    }
  } finally {
    await file.close();
  }
}

async function* mibsOf(file: FileHandle, { bytes, sha256PerMiB }: Omit<Piece, 'n'>, turn: Turn) {
  for (let i = 0; i * MIB < bytes; i++) {
    const length = Math.min(MIB, bytes - i * MIB);
    // A hole costs no disk a thing.
    if (sha256PerMiB[i] !== null) await turn(length);
    const mib = Buffer.alloc(length);
    const { bytesRead } = await file.read(mib, 0, length, i * MIB);
    yield { i, mib: mib.subarray(0, bytesRead) };
  }
}

function holds(mib: Buffer, hash: string | null): boolean {
  return hash === null ? isZero(mib) : sha256(mib) === hash;
}
