import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ScrubResult } from '@holdfast/contracts';
import { epochsOf, folderOfAttempt, noneIfAbsent, readJson, readManifest, type BackupName } from './backup-folder';
import { replaceWhole } from './claims';
import type { Unbranded } from './facts';
import { piecesOf, type PieceOfVolume } from './manifest';
import { checkPiece, pieceFile } from './pieces';
import { requireMedium } from './take-up';
import type { Begun, ScrubOrder, Work } from './work';

/** The result names the first of them; all are counted. */
const NAMED = 256;

/** How far a scrub has come, beside the backup, so that the next owner goes on at the next piece. */
const progressFile = z.strictObject({
  next: z.int().nonnegative(),
  damagedPieces: z.int().nonnegative(),
  damaged: z.array(z.strictObject({ volumeId: z.string(), piece: z.int().nonnegative() })).max(NAMED),
});
type Found = z.infer<typeof progressFile>;

/** Every piece of a backup, read against its manifest. */
export async function beginScrub({ taskId, epoch, spec }: ScrubOrder, work: Work): Promise<Begun> {
  const { mediumFolder } = work.node;
  await requireMedium(mediumFolder);
  const folder = folderOfAttempt(mediumFolder, spec.backup);
  const { found: hash, manifest } = await readManifest(folder, spec.backup.manifest);
  const pieces = manifest ? piecesOf(manifest) : [];
  const notes = new ScrubNotes(folder, taskId, epoch);
  const found = manifest ? await notes.read() : await allDamaged(folder);
  const scrub = new Scrub(work, { folder, pieces, notes, found });
  return {
    totalBytes: lengthOf(pieces),
    doneBytes: lengthOf(pieces.slice(0, found.next)),
    run: async () => ({ manifest: hash, ...(await scrub.run()) }),
    close: () => Promise.resolve(),
  };
}

interface Parts {
  folder: string;
  pieces: PieceOfVolume[];
  notes: ScrubNotes;
  found: Found;
}

class Scrub {
  constructor(
    private readonly work: Work,
    private readonly parts: Parts,
  ) {}

  async run(): Promise<Omit<Unbranded<ScrubResult>, 'manifest'>> {
    const { pieces, notes, found } = this.parts;
    for (const piece of pieces.slice(found.next)) {
      this.work.signal.throwIfAborted();
      await this.judge(piece);
      found.next++;
      await notes.write(found, this.work.mustBeOurs);
      this.work.advance(piece.bytes, `${piece.volumeId}.${piece.n}`);
    }
    const { damagedPieces, damaged } = found;
    return { pieces: Math.max(pieces.length, damagedPieces), damagedPieces, damaged };
  }

  private async judge(piece: PieceOfVolume): Promise<void> {
    const { folder, found } = this.parts;
    const { volumeId, n } = piece;
    if ((await checkPiece(join(folder, pieceFile(volumeId, n)), piece, this.work.turn)) !== 'whole')
      noteDamage(found, { volumeId, piece: n });
  }
}

/** The task is over: nobody goes on with it. */
export async function dropScrubNotes(mediumFolder: string, { taskId, ...of }: BackupName & { taskId: string }) {
  for (const epoch of await epochsOf(mediumFolder, of))
    await new ScrubNotes(folderOfAttempt(mediumFolder, { ...of, epoch }), taskId, Infinity).remove();
}

/** In files of this task's alone, one for each of its epochs: an owner that wakes too late writes where nobody reads. */
class ScrubNotes {
  constructor(
    private readonly folder: string,
    private readonly taskId: string,
    private readonly epoch: number,
  ) {}

  /** Of the newest owner up to this epoch who noted anything. */
  async read(): Promise<Found> {
    for (const epoch of await this.epochs()) {
      const found = progressFile.safeParse(await readJson(this.path(epoch)));
      if (found.success) return found.data;
    }
    return { next: 0, damagedPieces: 0, damaged: [] };
  }

  write(found: Found, may: () => void): Promise<void> {
    return replaceWhole(this.path(this.epoch), JSON.stringify(found), may);
  }

  async remove(): Promise<void> {
    for (const epoch of await this.epochs()) await rm(this.path(epoch), { force: true });
  }

  private async epochs(): Promise<number[]> {
    const names = await readdir(this.folder).catch(noneIfAbsent<string[]>([]));
    return names
      .flatMap((name) =>
        name.startsWith(this.prefix) ? (/^(\d+)\.json$/.exec(name.slice(this.prefix.length))?.[1] ?? []) : [],
      )
      .map(Number)
      .filter((epoch) => epoch <= this.epoch)
      .sort((one, other) => other - one);
  }

  private get prefix(): string {
    return `scrub-${encodeURIComponent(this.taskId)}.e`;
  }

  private path(epoch: number): string {
    return join(this.folder, `${this.prefix}${epoch}.json`);
  }
}

/** Nothing can be restored by a manifest that is not the one that was made, whatever the pieces hold. */
async function allDamaged(folder: string): Promise<Found> {
  const found: Found = { next: 0, damagedPieces: 0, damaged: [] };
  for (const name of (await readdir(folder).catch(noneIfAbsent<string[]>([]))).sort()) {
    const [, volumeId, n] = /^([a-z][a-z0-9-]*)\.(\d+)\.piece$/.exec(name) ?? [];
    if (volumeId) noteDamage(found, { volumeId, piece: Number(n) });
  }
  return { ...found, damagedPieces: Math.max(1, found.damagedPieces) };
}

const lengthOf = (pieces: PieceOfVolume[]) => pieces.reduce((sum, { bytes }) => sum + bytes, 0);

function noteDamage(found: Found, damage: Found['damaged'][number]): void {
  found.damagedPieces++;
  if (found.damaged.length < NAMED) found.damaged.push(damage);
}
