import { createHash } from 'node:crypto';
import { z } from 'zod';
import { volumeId } from '@holdfast/contracts';

export const MIB = 1 << 20;
/** A volume is cut into pieces of this size; the last one may be shorter. */
export const PIECE_BYTES = 16 * MIB;

/** One SHA-256 for each MiB of the piece; null: all zeroes. */
const piece = z
  .strictObject({
    n: z.int().nonnegative(),
    bytes: z.int().positive().max(PIECE_BYTES),
    sha256PerMiB: z.array(
      z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .nullable(),
    ),
  })
  .refine(({ bytes, sha256PerMiB }) => sha256PerMiB.length === Math.ceil(bytes / MIB), 'one hash for each MiB');
export type Piece = z.infer<typeof piece>;

const volume = z
  .strictObject({ volumeId, sizeBytes: z.int().positive(), pieces: z.array(piece) })
  .refine(
    ({ pieces }) => pieces.every(({ n }, i) => i === 0 || n > pieces[i - 1]!.n),
    'pieces in order, each of them once',
  )
  .refine(
    ({ pieces, sizeBytes }) => pieces.every(({ n, bytes }) => bytes === lengthOfPiece(n, sizeBytes)),
    'pieces as long as the volume has them',
  );

/** A piece as it is found by itself: in an attempt's list, or damaged. */
export const pieceOfVolume = z.intersection(piece, z.object({ volumeId }));
export type PieceOfVolume = Piece & { volumeId: string };

/**
 * All that a backup holds, and nothing of how it was made: every run of one point gives the same bytes. Pieces that are
 * all zeroes are left out.
 */
const manifest = z.strictObject({ volumes: z.array(volume).min(1) });
export interface Manifest {
  volumes: { volumeId: string; sizeBytes: number; pieces: Piece[] }[];
}

export const lengthOfPiece = (n: number, sizeBytes: number): number =>
  Math.max(0, Math.min(PIECE_BYTES, sizeBytes - n * PIECE_BYTES));

/** Undefined: it is none. */
export function parseManifest(text: string): Manifest | undefined {
  try {
    return manifest.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON
  }
}

export const piecesOf = ({ volumes }: Manifest): PieceOfVolume[] =>
  volumes.flatMap(({ volumeId, pieces }) => pieces.map((one) => ({ volumeId, ...one })));

/** What the pieces hold, MiBs of zeroes left out. */
export function dataBytes(piece: Piece): number {
  return piece.sha256PerMiB.reduce(
    (sum, hash, i) => (hash === null ? sum : sum + Math.min(MIB, piece.bytes - i * MIB)),
    0,
  );
}

export const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
