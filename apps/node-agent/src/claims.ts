import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { MediumInvalid } from './errors';

/** Who may open a system's volumes. `nodeId: null` and an operation in `by`: released; both null: only a filled gap. */
export interface Claim {
  epoch: number;
  nodeId: string | null;
  by: string | null;
}

type ClaimOutcome = { made: true } | { made: false; code: 'STALE_EPOCH' | 'SYSTEM_RELEASED'; claim: Claim };

const content = z.strictObject({ nodeId: z.string().nullable(), by: z.string().nullable() });

/** Only a creation and a removal make a system's folder. */
export async function makeClaimsFolder(mediumFolder: string, systemId: string): Promise<string> {
  const claims = join(mediumFolder, systemId, 'claims');
  await mkdir(claims, { recursive: true });
  // A claim and what it guards are no more durable than the names of the folders that they lie in.
  await syncFolder(join(mediumFolder, systemId));
  await syncFolder(mediumFolder);
  return claims;
}

/** The claim: the one with the highest number. Undefined where there is none, or no folder. */
export async function highestClaim(folder: string): Promise<Claim | undefined> {
  const highest = (await listClaims(folder)).at(-1);
  return highest === undefined ? undefined : readClaim(folder, highest);
}

/**
 * Makes a claim exclusively, with no lock: a number is whoever links it first. On the way up no number is left out, so
 * that a takeover and a release always meet at one number, where one of them loses.
 */
export async function makeClaim(folder: string, wanted: Claim): Promise<ClaimOutcome> {
  const numbers = await listClaims(folder);
  const highest = numbers.at(-1);
  if (highest !== undefined && highest > wanted.epoch) return refuse('STALE_EPOCH', await readClaim(folder, highest));

  const walked = await walkUp(folder, highest, wanted.epoch);
  if (walked) return walked;
  if (!(await linkClaim(folder, wanted))) {
    const standing = await readClaim(folder, wanted.epoch);
    if (!sameClaim(standing, wanted)) return refuse(isRelease(standing) ? 'SYSTEM_RELEASED' : 'STALE_EPOCH', standing);
  }
  return highest === undefined ? settleFirst(folder, wanted) : { made: true };
}

/** From the highest that stands to just below the wanted one. A release met on the way ends the walk. */
async function walkUp(folder: string, highest: number | undefined, wanted: number): Promise<ClaimOutcome | undefined> {
  if (highest === undefined) return undefined;
  for (let epoch = highest; epoch < wanted; epoch++) {
    if (epoch !== highest) await linkClaim(folder, { epoch, nodeId: null, by: null });
    const standing = await readClaim(folder, epoch);
    if (isRelease(standing)) return refuse('SYSTEM_RELEASED', standing);
  }
  return undefined;
}

/** A folder's first claim may have any number; two first ones may have met. A higher one wins, gaps are made good. */
async function settleFirst(folder: string, wanted: Claim): Promise<ClaimOutcome> {
  const numbers = await listClaims(folder);
  const highest = numbers.at(-1)!;
  if (highest > wanted.epoch) return refuse('STALE_EPOCH', await readClaim(folder, highest));
  const walked = await walkUp(folder, numbers[0], wanted.epoch);
  return walked ?? { made: true };
}

function isRelease({ nodeId, by }: Claim): boolean {
  return nodeId === null && by !== null;
}

function sameClaim(one: Claim, other: Claim): boolean {
  return one.nodeId === other.nodeId && one.by === other.by;
}

function refuse(code: 'STALE_EPOCH' | 'SYSTEM_RELEASED', claim: Claim): ClaimOutcome {
  return { made: false, code, claim };
}

/** Numbers of the claims that stand, lowest first. */
async function listClaims(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new MediumInvalid(`${folder}: ${error.message}`, { cause: error });
  });
  return names
    .flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

async function readClaim(folder: string, epoch: number): Promise<Claim> {
  try {
    return { epoch, ...content.parse(JSON.parse(await readFile(join(folder, `${epoch}.json`), 'utf8'))) };
  } catch (error) {
    throw new MediumInvalid(`claim ${epoch} in ${folder} is unreadable`, { cause: error });
  }
}

function linkClaim(folder: string, { epoch, nodeId, by }: Claim): Promise<boolean> {
  return linkWhole(join(folder, `${epoch}.json`), JSON.stringify({ nodeId, by }));
}

const DRAFT = '.draft-';
const draftIn = (folder: string) => join(folder, `${DRAFT}${randomUUID()}`);
export const isDraft = (name: string) => name.startsWith(DRAFT);

/** A file that is there whole or not at all, and never replaced: false if one is there already. */
export async function linkWhole(path: string, text: string): Promise<boolean> {
  const folder = join(path, '..');
  const draft = draftIn(folder);
  try {
    await writeSynced(draft, text);
    const linked = await linkOnce(draft, path);
    // Where one is there already too: whoever linked it may have died before this, and we go on by what it says.
    await syncFolder(folder);
    return linked;
  } finally {
    await rm(draft, { force: true });
  }
}

/** A file that is there whole before and after. `may` throws where it may not be replaced any more. */
export async function replaceWhole(path: string, text: string, may: () => void): Promise<void> {
  const folder = join(path, '..');
  const draft = draftIn(folder);
  try {
    await writeSynced(draft, text);
    may();
    await rename(draft, path);
    await syncFolder(folder);
  } finally {
    await rm(draft, { force: true });
  }
}

async function linkOnce(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
