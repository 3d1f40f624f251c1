import { execFile } from 'node:child_process';
import { open, readdir, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { linkWhole } from './claims';
import { refused } from './qmp';
import { MediumInvalid } from './errors';

/** Layers bottom to top; what must not be folded. Whatever is not listed here is not part of the system. */
const chainFile = z.strictObject({
  volumes: z
    .array(
      z.strictObject({
        volumeId: z.string(),
        sizeBytes: z.int().positive(),
        layers: z.array(z.strictObject({ k: z.int().positive(), file: z.string().regex(/^[^/]+\.qcow2$/) })).min(1),
      }),
    )
    .min(1),
  points: z.array(z.strictObject({ k: z.int().positive(), pointId: z.string(), at: z.string() })),
  pins: z.array(z.strictObject({ k: z.int().positive(), by: z.string() })),
});
export type Chain = z.infer<typeof chainFile>;

export const PROBE_IMAGE = 'probe.qcow2';
const PROBE_BYTES = 1 << 20;

/** Undefined: there is none yet. Unreadable, or naming a file that is not there: nothing may be opened. */
export async function readChain(folder: string): Promise<Chain | undefined> {
  const text = await readFile(join(folder, 'chain.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new MediumInvalid(`chain.json in ${folder}: ${error.message}`, { cause: error });
  });
  if (text === undefined) return undefined;
  const chain = parseChain(folder, text);
  for (const file of [PROBE_IMAGE, ...filesOf(chain)])
    await stat(join(folder, file)).catch((cause) => {
      throw new MediumInvalid(`${file} is missing in ${folder}`, { cause });
    });
  return chain;
}

function parseChain(folder: string, text: string): Chain {
  try {
    return chainFile.parse(JSON.parse(text));
  } catch (cause) {
    throw new MediumInvalid(`chain.json in ${folder} is damaged`, { cause });
  }
}

export function filesOf(chain: Chain): string[] {
  return chain.volumes.flatMap(({ layers }) => layers.map(({ file }) => file));
}

/** The images of a new system, and the list that will make them the system's. */
export async function createImages(
  folder: string,
  epoch: number,
  volumes: { volumeId: string; sizeBytes: number }[],
): Promise<Chain> {
  const listed = volumes.map((volume) => ({
    ...volume,
    layers: [{ k: 1, file: `${volume.volumeId}.1.e${epoch}.qcow2` }],
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

/** Layers that the list does not name, of these epochs. */
export async function removeUnlisted(
  folder: string,
  chain: Chain,
  isOver: (epoch: number) => boolean,
): Promise<string[]> {
  const listed = new Set(filesOf(chain));
  const isNobodys = (name: string) => {
    const epoch = /\.e(\d+)\.qcow2$/.exec(name)?.[1];
    return epoch !== undefined && isOver(Number(epoch)) && !listed.has(name);
  };
  const unlisted = (await readdir(folder)).filter(isNobodys);
  for (const name of unlisted) await unlink(join(folder, name));
  return unlisted;
}

/** An empty qcow2 image, durable. One that is there already is kept: a first attempt may have been cut short. */
export async function createImage(path: string, sizeBytes: number): Promise<void> {
  if (!(await isImageOf(path, sizeBytes))) await runCreate(path, sizeBytes);
  // One that was kept too: what cut its attempt short may have come before this.
  const file = await open(path, 'r');
  await file.sync().finally(() => file.close());
}

async function runCreate(path: string, sizeBytes: number): Promise<void> {
  const args = ['create', '-q', '-f', 'qcow2', '-o', 'cluster_size=65536', path, String(sizeBytes)];
  await promisify(execFile)('qemu-img', args).catch((error: Error & { stderr?: string }) => {
    throw refused('qemu-img create', error.stderr?.trim() ?? error.message);
  });
}

async function isImageOf(path: string, sizeBytes: number): Promise<boolean> {
  try {
    const file = await open(path, 'r');
    const { buffer } = await file.read(Buffer.alloc(32), 0, 32, 0).finally(() => file.close());
    return buffer.toString('latin1', 0, 4) === 'QFI\xfb' && Number(buffer.readBigUInt64BE(24)) === sizeBytes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
