import { link, mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { replaceWhole, syncFolder } from './claims';
import { parseManifest, pieceOfVolume, sha256, type Manifest, type PieceOfVolume } from './manifest';
import { pieceFile, READ } from './pieces';
import { requireMedium } from './take-up';

/* `backups/<systemId>/<pointId>.e<epoch>/`: each attempt at a backup writes into a folder of its own, and into no other. */

export interface BackupName {
  systemId: string;
  pointId: string;
}

const MANIFEST = 'manifest.json';
const SEALED = 'sealed.ndjson';

/** Of which point an attempt is: a name may be used again, an instant is not. */
const point = z.strictObject({ k: z.int().positive(), at: z.string() });
export type PointOfAttempt = z.infer<typeof point>;

/**
 * The first line of an attempt's list: the task is the one that made the folder, by an order of that time. Whatever else
 * a newer agent says there, this one goes by what it knows.
 */
const head = z.object({ point, taskId: z.string(), orderedAt: z.string().optional() });

export interface Attempt extends z.infer<typeof head> {
  folder: string;
  /** By file name. */
  sealed: Map<string, PieceOfVolume>;
}

export const folderOfAttempt = (mediumFolder: string, { systemId, pointId, epoch }: BackupName & { epoch: number }) =>
  join(mediumFolder, 'backups', systemId, `${pointId}.e${epoch}`);

/** All that lie there, the newest first. */
export async function epochsOf(mediumFolder: string, { systemId, pointId }: BackupName): Promise<number[]> {
  await requireMedium(mediumFolder);
  const names = await readdir(join(mediumFolder, 'backups', systemId)).catch(noneIfAbsent<string[]>([]));
  const prefix = `${pointId}.e`;
  return names
    .flatMap((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : []))
    .filter((epoch) => /^[1-9]\d*$/.test(epoch))
    .map(Number)
    .sort((one, other) => other - one);
}

/** Attempts up to this epoch at this very point, the newest first: what they sealed need not be made again. */
export async function earlierAttempts(mediumFolder: string, of: AttemptName): Promise<Attempt[]> {
  const found: Attempt[] = [];
  for (const epoch of await epochsOf(mediumFolder, of)) {
    if (epoch > of.epoch) continue;
    const attempt = await readAttempt(folderOfAttempt(mediumFolder, { ...of, epoch }));
    if (attempt && isSamePoint(attempt.point, of.point)) found.push(attempt);
  }
  return found;
}

/** What its list says that it sealed. A line that is torn or means nothing is a piece that is made again. */
async function readAttempt(folder: string): Promise<Attempt | undefined> {
  const lines = (await readText(join(folder, SEALED))).split('\n').map(parseLine);
  const begun = head.safeParse(lines[0]);
  if (!begun.success) return undefined;
  const sealed = new Map<string, PieceOfVolume>();
  for (const line of lines.slice(1)) {
    const { success, data } = pieceOfVolume.safeParse(line);
    if (success) sealed.set(pieceFile(data.volumeId, data.n), data);
  }
  return { folder, ...begun.data, sealed };
}

/** With its manifest an attempt is whole: it may be a backup. */
async function isWhole(folder: string): Promise<boolean> {
  return (await readdir(folder).catch(noneIfAbsent<string[]>([]))).includes(MANIFEST);
}

/**
 * A whole attempt of this name at another point, if there is one. Its epoch may be any: where the store went back to an
 * older copy, a name and its epochs are given out a second time.
 */
export async function backupOfAnotherPoint(
  mediumFolder: string,
  of: BackupName & { point: PointOfAttempt },
): Promise<string | undefined> {
  for (const epoch of await epochsOf(mediumFolder, of)) {
    const folder = folderOfAttempt(mediumFolder, { ...of, epoch });
    if ((await isWhole(folder)) && !isAttemptAt(of.point, await readAttempt(folder))) return folder;
  }
  return undefined;
}

/** What lies there, by its hash, and the manifest if it is the one that was made. */
export async function readManifest(folder: string, made: string): Promise<{ found: string; manifest?: Manifest }> {
  const text = await readText(join(folder, MANIFEST));
  const found = sha256(text);
  const manifest = found === made ? parseManifest(text) : undefined;
  return { found, ...(manifest && { manifest }) };
}

export type AttemptName = BackupName & { epoch: number; point: PointOfAttempt };

/**
 * The one folder that this attempt writes into. Epochs are counted for each task: should two ever work on one point at the
 * same one, they seal equal bytes, each from drafts of its own.
 */
export class AttemptFolder {
  private constructor(
    readonly folder: string,
    private readonly taskId: string,
    private readonly list: FileHandle,
  ) {}

  /** What an earlier run of this same epoch sealed stays listed: it is judged like any other attempt's. */
  static async open(mediumFolder: string, of: AttemptName & { taskId: string; orderedAt: string }) {
    const folder = folderOfAttempt(mediumFolder, of);
    await requireMedium(mediumFolder);
    for (const path of [dirname(dirname(folder)), dirname(folder), folder]) await makeFolder(path);
    const before = await readAttempt(folder);
    const goesOn = before !== undefined && isSamePoint(before.point, of.point);
    const list = await open(join(folder, SEALED), goesOn ? 'a' : 'w');
    const attempt = new AttemptFolder(folder, of.taskId, list);
    if (goesOn)
      await list.appendFile('\n'); // its last line may be torn
    else await attempt.note({ point: of.point, taskId: of.taskId, orderedAt: of.orderedAt });
    await syncFolder(folder);
    return attempt;
  }

  draftOf({ volumeId, n }: { volumeId: string; n: number }): string {
    return join(this.folder, `${pieceFile(volumeId, n)}.${encodeURIComponent(this.taskId)}.draft`);
  }

  async dropDraft(piece: { volumeId: string; n: number }): Promise<void> {
    await rm(this.draftOf(piece), { force: true });
  }

  /** From a durable draft: whole under its name, and only then on the list. */
  async seal(piece: PieceOfVolume): Promise<void> {
    await rename(this.draftOf(piece), join(this.folder, pieceFile(piece.volumeId, piece.n)));
    await syncFolder(this.folder);
    await this.note(piece);
  }

  /** The very file of an earlier attempt: nobody changes a sealed one. */
  async adopt(piece: PieceOfVolume, from: string): Promise<void> {
    const name = pieceFile(piece.volumeId, piece.n);
    if (from !== this.folder) {
      await rm(join(this.folder, name), { force: true });
      await link(join(from, name), join(this.folder, name));
      await syncFolder(this.folder);
    }
    await this.note(piece);
  }

  /** With it the attempt is whole. */
  async finish(manifest: string, may: () => void): Promise<void> {
    await replaceWhole(join(this.folder, MANIFEST), manifest, may);
  }

  close(): Promise<void> {
    return this.list.close();
  }

  private async note(line: object): Promise<void> {
    await this.list.appendFile(`${JSON.stringify(line)}\n`);
    await this.list.datasync();
  }
}

const isSamePoint = (one: PointOfAttempt, other: PointOfAttempt) => one.k === other.k && one.at === other.at;
/** One whose list cannot be read may be of any point. */
const isAttemptAt = (at: PointOfAttempt, attempt: Attempt | undefined) =>
  attempt !== undefined && isSamePoint(attempt.point, at);

/**
 * Every attempt, whole or not, that was ordered before its deletion. False: one was ordered after it, so that this order
 * is very late. Another node was asked long ago, and the name may be another backup's by now.
 */
export async function deleteBackup(mediumFolder: string, { at, ...of }: BackupName & { at: string }): Promise<boolean> {
  let late = false;
  for (const epoch of await epochsOf(mediumFolder, of)) {
    const attempt = await readAttempt(folderOfAttempt(mediumFolder, { ...of, epoch }));
    if (attempt?.orderedAt && Date.parse(attempt.orderedAt) > Date.parse(at)) late = true;
    else await removeAttempt(mediumFolder, { ...of, epoch });
  }
  return !late;
}

/**
 * Once one attempt is the result, the others are nothing: a worker that still writes into one of them finds it gone.
 * What is whole and of another point that had this name is the backup of that point, and stays. Where the result itself
 * is gone, this is heard long after its deletion, and whatever another task makes may have the name by now.
 */
export async function dropOtherAttempts(
  mediumFolder: string,
  result: BackupName & { taskId: string; epoch: number },
): Promise<void> {
  const resultFolder = folderOfAttempt(mediumFolder, result);
  if (!(await isWhole(resultFolder))) return dropUnfinishedAttempts(mediumFolder, result);
  const kept = await readAttempt(resultFolder);
  for (const epoch of await epochsOf(mediumFolder, result)) {
    if (epoch === result.epoch) continue;
    const folder = folderOfAttempt(mediumFolder, { ...result, epoch });
    const samePoint = kept !== undefined && isAttemptAt(kept.point, await readAttempt(folder));
    if (samePoint || !(await isWhole(folder))) await removeAttempt(mediumFolder, { ...result, epoch });
  }
}

/**
 * Of a task that was called off: its attempts that never became whole. A backup of the same point stays, and so does
 * what another task began under this name since.
 */
export async function dropUnfinishedAttempts(
  mediumFolder: string,
  { taskId, ...of }: BackupName & { taskId: string },
): Promise<void> {
  for (const epoch of await epochsOf(mediumFolder, of)) {
    const folder = folderOfAttempt(mediumFolder, { ...of, epoch });
    const madeBy = (await readAttempt(folder))?.taskId ?? taskId; // it had not come to its first line
    if (madeBy === taskId && !(await isWhole(folder))) await removeAttempt(mediumFolder, { ...of, epoch });
  }
}

async function removeAttempt(mediumFolder: string, of: BackupName & { epoch: number }): Promise<void> {
  const folder = folderOfAttempt(mediumFolder, of);
  await rm(join(folder, MANIFEST), { force: true }); // first: without it nobody takes what is left for a backup
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  await syncFolder(dirname(folder)); // what was told gone must not come back with the power
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
    await syncFolder(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

export function noneIfAbsent<T>(none: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return none;
    throw error;
  };
}

/** Whatever else lies there is no text: a pipe would be waited for, a device read until no memory is left. */
async function readText(path: string): Promise<string> {
  const file = await open(path, READ).catch(noneIfAbsent(undefined));
  try {
    return (await file?.stat())?.isFile() ? await file!.readFile('utf8') : '';
  } finally {
    await file?.close();
  }
}

/** Undefined: absent, or torn. */
export async function readJson(path: string): Promise<unknown> {
  return parseLine(await readText(path));
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // torn
  }
}
