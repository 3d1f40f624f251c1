import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NbdClient } from '@holdfast/nbd';
import { parseNbdUri } from '../../apps/lab/src/client-lines';
import { Ledger, type LedgerLine, type WrongBlock } from '../../apps/lab/src/ledger';
import { BLOCK_BYTES, readStamp } from '../../apps/lab/src/stamp';

const MIB = 1_048_576;
/** Between a write's answer and the clock that the freeze was read from lies less than this. */
const CLOCK_SLACK_MS = 1_000;

interface ChainFile {
  volumes: { volumeId: string; layers: { k: number; file: string }[] }[];
  points: { k: number; pointId: string }[];
}
interface ManifestFile {
  volumes: { volumeId: string; sizeBytes: number; pieces: { n: number; sha256PerMiB: (string | null)[] }[] }[];
}

/**
 * What a volume held at a point, read by `qemu-img` from its frozen layers: none of the product's code has a part in it.
 * One SHA-256 for each MiB; null: all zeroes.
 */
export function hashesAtPoint(systemFolder: string, pointId: string): (string | null)[] {
  const chain = JSON.parse(readFileSync(join(systemFolder, 'chain.json'), 'utf8')) as ChainFile;
  const { k } = chain.points.find((point) => point.pointId === pointId)!;
  const top = chain.volumes[0]!.layers.filter((layer) => layer.k <= k).at(-1)!.file;
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-point-'));
  try {
    const raw = join(folder, 'raw');
    execFileSync('qemu-img', ['convert', '-O', 'raw', join(systemFolder, top), raw]);
    return hashesOf(readFileSync(raw));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The same from a backup's manifest, laid out over the whole volume. */
export function hashesInManifest(text: string): (string | null)[] {
  const [volume] = (JSON.parse(text) as ManifestFile).volumes;
  const hashes: (string | null)[] = Array.from({ length: volume!.sizeBytes / MIB }, () => null);
  for (const { n, sha256PerMiB } of volume!.pieces) hashes.splice(n * 16, sha256PerMiB.length, ...sha256PerMiB);
  return hashes;
}

function hashesOf(bytes: Buffer): (string | null)[] {
  return Array.from({ length: bytes.length / MIB }, (_, i) => {
    const mib = bytes.subarray(i * MIB, (i + 1) * MIB);
    return mib.every((byte) => byte === 0) ? null : createHash('sha256').update(mib).digest('hex');
  });
}

/** The sealed pieces of one attempt, by name, as the medium tells them apart: a piece made anew is another file. */
export function sealedPieces(attemptFolder: string): Map<string, number> {
  const names = readdirSync(attemptFolder).filter((name) => name.endsWith('.piece'));
  return new Map(names.map((name) => [name, statSync(join(attemptFolder, name)).ino]));
}

/** Turns one byte of a piece over. */
export function damage(piece: string, at: number): void {
  const file = openSync(piece, 'r+');
  const byte = readFileSync(piece)[at]!;
  writeSync(file, Buffer.of(byte ^ 0xff), 0, 1, at);
  closeSync(file);
}

/** Data that no two MiBs share, from the second MiB on: the first is the checking client's. */
export async function fill(uri: string, sizeBytes: number): Promise<void> {
  const { exportName, ...place } = parseNbdUri(uri);
  const connection = await NbdClient.connect(place, exportName);
  for (let at = MIB; at < sizeBytes; at += MIB) {
    const seed = createHash('sha256').update(`${uri} ${at}`).digest();
    await connection.write(at, Buffer.alloc(MIB, seed));
  }
  connection.close();
}

/** Blocks of a restored volume that hold less than was acknowledged before the freeze, or what was never written. */
export async function wrongAtPoint(uri: string, lines: readonly LedgerLine[], frozenAt: string): Promise<WrongBlock[]> {
  const frozenMs = Date.parse(frozenAt);
  const ledger = new Ledger();
  for (const line of lines) {
    if (line.atMs > frozenMs + CLOCK_SLACK_MS) break;
    // Around the freeze a write may be in the point or not, whatever the client had heard by then.
    if (line.atMs < frozenMs - CLOCK_SLACK_MS || line.kind === 'sent') ledger.apply(line);
  }
  const { exportName, ...place } = parseNbdUri(uri);
  const connection = await NbdClient.connect(place, exportName);
  const volume = lines[0]!.volume;
  const wrong: WrongBlock[] = [];
  for (const block of ledger.blocksOf(volume)) {
    const found = readStamp(await connection.read(block * BLOCK_BYTES, BLOCK_BYTES));
    const difference = ledger.check(volume, block, found);
    if (difference) wrong.push(difference);
  }
  connection.close();
  return wrong;
}
