import { execFile } from 'node:child_process';
import { open, readdir, readFile, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ChainLock } from './chain-lock';
import { chainFile, epochOfLayer, filesOf, layerFile, type Chain, type ChainVolume } from './chain.rules';
import { isDraft, linkWhole, replaceWhole, syncFolder } from './claims';
import { MediumInvalid } from './errors';
import { refused } from './qmp';

export type { Chain } from './chain.rules';

export const PROBE_IMAGE = 'probe.qcow2';
const PROBE_BYTES = 1 << 20;

/** Undefined: there is none yet. Unreadable, or naming a file that is not there: nothing may be opened. */
export async function readChain(folder: string): Promise<Chain | undefined> {
  const text = await readText(folder);
  if (text === undefined) return undefined;
  const chain = parseChain(folder, text);
  const missing = await firstMissing(folder, [PROBE_IMAGE, ...filesOf(chain)]);
  if (missing === undefined) return chain;
  // Folded away between the two looks: then it is not in the list any more either.
  if ((await readText(folder)) !== text) return readChain(folder);
  throw new MediumInvalid(`${missing} is missing in ${folder}`);
}

export async function mustReadChain(folder: string): Promise<Chain> {
  const chain = await readChain(folder);
  if (!chain) throw new MediumInvalid(`there is no chain.json in ${folder}`);
  return chain;
}

async function readText(folder: string): Promise<string | undefined> {
  return readFile(join(folder, 'chain.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new MediumInvalid(`chain.json in ${folder}: ${error.message}`, { cause: error });
  });
}

async function firstMissing(folder: string, files: string[]): Promise<string | undefined> {
  for (const file of files) {
    const found = await stat(join(folder, file)).catch(() => undefined); // unreadable is as good as missing
    if (!found) return file;
  }
  return undefined;
}

function parseChain(folder: string, text: string): Chain {
  try {
    return chainFile.parse(JSON.parse(text));
  } catch (cause) {
    throw new MediumInvalid(`chain.json in ${folder} is damaged`, { cause });
  }
}

/** The images of a new system, and the list that will make them the system's. */
export async function createImages(
  folder: string,
  epoch: number,
  volumes: { volumeId: string; sizeBytes: number }[],
): Promise<Chain> {
  const listed = volumes.map((volume) => ({
    ...volume,
    layers: [{ k: 1, file: layerFile(volume.volumeId, 1, epoch) }],
  }));
  for (const { sizeBytes, layers } of listed) await createImage(join(folder, layers[0]!.file), sizeBytes);
  await createImage(join(folder, PROBE_IMAGE), PROBE_BYTES);
  return { volumes: listed, points: [], pins: [] };
}

/**
 * A system's first list, exclusively. Whoever loses the link reads the winner's. Only the winner may take away what is
 * not listed: attempts of earlier epochs that came to nothing. Those of later ones are at work at this moment.
 */
export async function listFirst(folder: string, epoch: number, chain: Chain): Promise<void> {
  if (!(await linkWhole(join(folder, 'chain.json'), JSON.stringify(chain)))) return;
  await removeUnlisted(folder, chain, (of) => of < epoch);
}

/** What is listed from now on. Whoever reads meanwhile has the old list or the new one, whole. */
export async function replaceChain(folder: string, chain: Chain, lock: ChainLock): Promise<void> {
  const text = JSON.stringify(chainFile.parse(chain));
  await replaceWhole(join(folder, 'chain.json'), text, () => lock.mustBeHeld());
}

/** Empty layers that lie on the tops of the list, durable and not listed yet. */
export async function createOverlays(
  folder: string,
  volumes: ChainVolume[],
  { k, epoch }: { k: number; epoch: number },
): Promise<void> {
  for (const { volumeId, sizeBytes, layers } of volumes) {
    const path = join(folder, layerFile(volumeId, k, epoch));
    await rm(path, { force: true }); // an attempt that was cut short; nobody lists it
    await runCreate(path, sizeBytes, layers.at(-1)!.file);
    await syncFile(path);
  }
  await syncFolder(folder); // before they are listed
}

/** Layers that the list does not name, of these epochs; and drafts of a list that whoever wrote them died over. */
export async function unlistedIn(folder: string, chain: Chain, isOver: (epoch: number) => boolean): Promise<string[]> {
  const listed = new Set(filesOf(chain));
  return (await readdir(folder)).filter((name) => {
    const epoch = epochOfLayer(name);
    return isDraft(name) || (epoch !== undefined && isOver(epoch) && !listed.has(name));
  });
}

export async function removeUnlisted(folder: string, chain: Chain, isOver: (epoch: number) => boolean): Promise<void> {
  for (const name of await unlistedIn(folder, chain, isOver)) await unlink(join(folder, name));
}

/** An empty qcow2 image, durable. One that is there already is kept: a first attempt may have been cut short. */
export async function createImage(path: string, sizeBytes: number): Promise<void> {
  if (!(await isImageOf(path, sizeBytes))) await runCreate(path, sizeBytes);
  await syncFile(path); // one that was kept too: what cut its attempt short may have come before this
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  await file.sync().finally(() => file.close());
}

/** `on`: the file beside it that it is an overlay of. */
async function runCreate(path: string, sizeBytes: number, on?: string): Promise<void> {
  const backing = on === undefined ? [] : ['-b', on, '-F', 'qcow2'];
  const args = ['create', '-q', '-f', 'qcow2', ...backing, '-o', 'cluster_size=65536', path, String(sizeBytes)];
  await promisify(execFile)('qemu-img', args).catch((error: Error & { stderr?: string }) => {
    throw refused('qemu-img create', error.stderr?.trim() ?? error.message);
  });
}

async function isImageOf(path: string, sizeBytes: number): Promise<boolean> {
  return (await volumeBytes(path)) === sizeBytes;
}

/** What a qcow2 image says is its volume's size; undefined: there is no such image. */
async function volumeBytes(path: string): Promise<number | undefined> {
  try {
    const file = await open(path, 'r');
    const { buffer } = await file.read(Buffer.alloc(32), 0, 32, 0).finally(() => file.close());
    return buffer.toString('latin1', 0, 4) === 'QFI\xfb' ? Number(buffer.readBigUInt64BE(24)) : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The engine accepts an overlay of another size, and the volume gets it. The files are looked at and not the daemon: to
 * tell of its nodes it keeps clients waiting, and the more layers, the longer.
 */
export async function requireSameSize(lower: string, upper: string): Promise<void> {
  const [below, above] = [await volumeBytes(lower), await volumeBytes(upper)];
  if (below !== above) throw new MediumInvalid(`${upper} is of ${above} bytes, ${lower} below it of ${below}`);
}
