import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { FleetError } from '@holdfast/kernel';
import { writeWhole } from './journal';
import { MIB, sha256, type Piece } from './manifest';
import { TaskFault } from './task-fault';

/* Pieces of a volume as files: a MiB at a time, so that nothing else of the agent waits for more than its hash. */

/** What lies there may be anything: a pipe would be waited for, in one of the few threads that all files share. */
export const READ = constants.O_RDONLY | constants.O_NONBLOCK;

const ZEROES = Buffer.alloc(MIB);

export const isZero = (bytes: Buffer): boolean => bytes.equals(ZEROES.subarray(0, bytes.length));

export const pieceFile = (volumeId: string, n: number): string => `${volumeId}.${n}.piece`;

/** Called before so many bytes are read: it waits for their turn, and throws once they are not wanted any more. */
type Turn = (bytes: number) => Promise<void>;

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

type PieceState = 'whole' | 'missing' | 'wrongLength' | 'wrongBytes' | 'unreadable';

/** Reads a piece against what it should hold, as it lies on the medium: what this node remembers of it proves nothing. */
export function checkPiece(path: string, expected: Omit<Piece, 'n'>, turn: Turn): Promise<PieceState> {
  return check(path, expected, { turn, begin: dropCached });
}

/** Of what was written a moment ago: it lies in memory, and costs the medium nothing. */
export function checkWritten(path: string, expected: Omit<Piece, 'n'>): Promise<PieceState> {
  return check(path, expected, { turn: noTurn, begin: noTurn });
}

interface Reading {
  turn: Turn;
  begin(file: FileHandle): Promise<void>;
}

async function check(path: string, expected: Omit<Piece, 'n'>, { turn, begin }: Reading): Promise<PieceState> {
  try {
    const file = await open(path, READ);
    try {
      if ((await file.stat()).size !== expected.bytes) return 'wrongLength';
      await begin(file);
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

/**
 * Its clean pages leave this node's memory, and a sealed piece has no others. Node has no `posix_fadvise`, and its buffers
 * do not lie as `O_DIRECT` wants them: a child does it, in 4 ms, where the piece then takes 10 ms to read at the very
 * least. What a file server or a disk has in memory of its own is beyond the reach of any reader.
 */
async function dropCached(file: FileHandle): Promise<void> {
  const dd = spawn('dd', ['iflag=nocache', 'count=0', 'status=none'], { stdio: [file.fd, 'ignore', 'ignore'] });
  const [code] = (await once(dd, 'close').catch((cause: unknown) => {
    // As it is, its ENOENT would be the piece's.
    throw new TaskFault('node', 'MEDIUM_INVALID', 'dd does not start', { cause });
  })) as [number | null];
  if (code !== 0) throw new TaskFault('node', 'MEDIUM_INVALID', `dd drops no cached pages: it ended with ${code}`);
}

/** What a piece holds beside zeroes, each MiB checked before it is given: from memory, if it lies there, is as good. */
export async function* readPiece(
  path: string,
  expected: Omit<Piece, 'n'>,
): AsyncGenerator<{ at: number; mib: Buffer }> {
  const file = await open(path, READ).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw new BackupDamaged(`${path} is missing`, { cause });
  });
  try {
    for await (const { i, mib } of mibsOf(file, expected, noTurn)) {
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

const noTurn = () => Promise.resolve();

function holds(mib: Buffer, hash: string | null): boolean {
  return hash === null ? isZero(mib) : sha256(mib) === hash;
}
