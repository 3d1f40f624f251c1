import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FleetError } from '@holdfast/kernel';
import { NbdClient } from '@holdfast/nbd';
import { createImages, listFirst, mustReadChain, PROBE_IMAGE, readChain, type Chain } from './chain';
import { ChainLock } from './chain-lock';
import { highestClaim, makeClaim, makeClaimsFolder, type Claim } from './claims';
import { SERVING_PORT, StorageDaemon, type EngineOptions } from './engine.driver';
import { EngineError, MediumInvalid, Superseded } from './errors';
import type { ServeOrder } from './journal-records';

/** Where and with what this node serves. */
export interface NodeEngine {
  nodeId: string;
  /** `<medium>/<clusterId>` */
  mediumFolder: string;
  runFolder: string;
  engine: EngineOptions;
  /** The address that this node serves a system at: its own, unless the node has an address of its own for it. */
  addressOf(order: ServeOrder): string;
  /** A volume with more layers in use than this has its lowest folded. */
  foldAbove: number;
}

export type WaitsFor = 'mediumLock' | 'address' | 'chainLock';

export interface Attempt {
  /** Aborted when a newer order, a recall or a removal has arrived. */
  signal: AbortSignal;
  /** Told once it waits longer than a second. */
  blocked(waitsFor: WaitsFor): void;
  /** Durable before the next step. */
  effect(name: 'claimed' | 'locked' | 'exported'): Promise<void>;
  /** Of a system made from a backup: its new images are filled, and are what its manifest says, or it throws. */
  fill(order: ServeOrder, images: NewImages): Promise<void>;
}

interface NewImages {
  folder: string;
  chain: Chain;
  signal: AbortSignal;
}

/** The claim that stands is not this order's. */
export class ClaimRefused extends FleetError {
  readonly retryable = false;
  constructor(
    readonly code: 'STALE_EPOCH' | 'SYSTEM_RELEASED',
    readonly claim: Claim,
  ) {
    super(`claim ${claim.epoch} of ${claim.nodeId ?? 'nobody'} stands`);
  }
}

const RETRY_MS = 100;
const TELL_AFTER_MS = 1_000;

/** Claim, open under the lock, claim and list read again, export, test through the front door. */
export async function takeUp(order: ServeOrder, node: NodeEngine, attempt: Attempt): Promise<StorageDaemon> {
  const folder = join(node.mediumFolder, order.systemId);
  await claim(order, node, folder);
  await attempt.effect('claimed');
  await createIfNew(order, { folder, nodeId: node.nodeId, attempt });
  const daemon = await StorageDaemon.start(await makeRunFolder(order, node.runFolder), node.engine);
  try {
    await openUnderClaim(daemon, order, { folder, nodeId: node.nodeId, attempt });
    await attempt.effect('locked');
    const address = node.addressOf(order);
    await patiently(attempt, 'address', () => daemon.listen(address, SERVING_PORT));
    // The self-test comes first: no client may write before the way through the address is known to work.
    await daemon.export('probe');
    await testThrough(address, order.epoch);
    for (const { volumeId } of order.spec.volumes) await daemon.export(volumeId);
    await attempt.effect('exported');
    return daemon;
  } catch (error) {
    await daemon.discard(); // the next attempt may be in its folder
    // A daemon that vanished was perhaps killed by the watchdog, for a claim that had passed ours.
    if (error instanceof EngineError) await checkClaim(order, node.nodeId, folder);
    throw error;
  }
}

export function runFolderOf({ systemId, epoch }: Omit<ServeOrder, 'spec'>, runFolder: string): string {
  return join(runFolder, `${systemId}.e${epoch}`);
}

/** What it serves lies beside the daemon, so that it can be adopted even if the journal is lost. */
async function makeRunFolder(order: ServeOrder, runFolder: string): Promise<string> {
  const folder = runFolderOf(order, runFolder);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'order.json'), JSON.stringify(order));
  return folder;
}

/** The cluster's folder must be there: an unmounted medium is not an empty one. Nobody but the operator makes it. */
export async function requireMedium(mediumFolder: string): Promise<void> {
  await access(mediumFolder).catch((cause) => {
    throw new MediumInvalid(`${mediumFolder} cannot be reached`, { cause });
  });
}

async function claim(order: ServeOrder, { nodeId, mediumFolder }: NodeEngine, folder: string): Promise<void> {
  await requireMedium(mediumFolder);
  if (order.spec.create) await makeClaimsFolder(mediumFolder, order.systemId);
  const outcome = await makeClaim(join(folder, 'claims'), { epoch: order.epoch, nodeId, by: order.taskId });
  if (!outcome.made) throw new ClaimRefused(outcome.code, outcome.claim);
}

async function createIfNew(
  order: ServeOrder,
  { folder, nodeId, attempt }: { folder: string; nodeId: string; attempt: Attempt },
): Promise<void> {
  const { epoch, spec } = order;
  if (!spec.create || (await readChain(folder))) return;
  const chain = await createImages(folder, epoch, spec.volumes);
  if (spec.fromBackup) await attempt.fill(order, { folder, chain, signal: attempt.signal });
  const wait = { signal: attempt.signal, blocked: () => attempt.blocked('chainLock') };
  await ChainLock.with(folder, wait, async (lock) => {
    // Images take a while, and a removal may have come meanwhile: what it took away must not be listed again.
    await checkClaim(order, nodeId, folder);
    lock.mustBeHeld();
    await listFirst(folder, epoch, chain);
  });
}

/** The lock admits one daemon; who came late learns it from the claim, read after the lock is had. */
async function openUnderClaim(
  daemon: StorageDaemon,
  order: ServeOrder,
  { folder, nodeId, attempt }: { folder: string; nodeId: string; attempt: Attempt },
): Promise<void> {
  for (;;) {
    const opened = await patiently(attempt, 'mediumLock', async () => {
      await checkClaim(order, nodeId, folder);
      const chain = await mustReadChain(folder);
      await openAll(daemon, chain, folder).catch(async (cause: unknown) => {
        if (await isListed(folder, chain)) throw cause;
        throw new EngineError('IMAGE_LOCKED', 'the list was changed by another while it was opened', { cause });
      });
      return chain;
    });
    await checkClaim(order, nodeId, folder);
    if (await isListed(folder, opened)) return;
    // A passed owner froze a point before it died: what it listed since lies above what was opened.
    await closeAll(daemon, opened);
  }
}

async function isListed(folder: string, chain: Chain): Promise<boolean> {
  return JSON.stringify(await mustReadChain(folder)) === JSON.stringify(chain);
}

async function openAll(daemon: StorageDaemon, chain: Chain, folder: string): Promise<void> {
  const volumes = chain.volumes.map(({ volumeId, layers }) => ({
    name: volumeId,
    layers: layers.map(({ k, file }) => ({ k, filename: join(folder, file) })),
  }));
  const probe = { name: 'probe', layers: [{ k: 0, filename: join(folder, PROBE_IMAGE) }] };
  const opened: string[] = [];
  try {
    for (const volume of [...volumes, probe]) {
      await daemon.open(volume);
      opened.push(volume.name);
    }
  } catch (error) {
    // Half a system is not held while waiting for the other half: two starters would wait for each other.
    for (const name of opened) await daemon.close(name);
    throw error;
  }
}

async function closeAll(daemon: StorageDaemon, chain: Chain): Promise<void> {
  for (const { volumeId } of chain.volumes) await daemon.close(volumeId);
  await daemon.close('probe');
}

export async function checkClaim(order: ServeOrder, nodeId: string, folder: string): Promise<void> {
  const standing = await highestClaim(join(folder, 'claims'));
  if (!standing) throw new MediumInvalid(`the claims of ${order.systemId} are gone`);
  if (standing.epoch !== order.epoch || standing.nodeId !== nodeId) throw new ClaimRefused('STALE_EPOCH', standing);
}

/** Again and again while somebody else holds the lock or the address. Never forced, never by time. */
async function patiently<T>(attempt: Attempt, waitsFor: WaitsFor, work: () => Promise<T>): Promise<T> {
  const awaited = waitsFor === 'address' ? 'ADDRESS_IN_USE' : 'IMAGE_LOCKED';
  const tellAt = performance.now() + TELL_AFTER_MS;
  for (let told = false; ;) {
    if (attempt.signal.aborted) throw new Superseded('a newer order arrived');
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof EngineError && error.code === awaited)) throw error;
    }
    if (!told && performance.now() >= tellAt) {
      told = true;
      attempt.blocked(waitsFor);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

const TEST_BYTES = 4_096;

/** One write, flush and read through the served address, on an image of its own. */
async function testThrough(host: string, epoch: number): Promise<void> {
  const stamp = Buffer.alloc(TEST_BYTES, `epoch ${epoch} `);
  try {
    const nbd = await NbdClient.connect({ host, port: SERVING_PORT }, 'probe', { timeoutMs: 2_000 });
    await nbd.write(0, stamp);
    await nbd.flush();
    const back = await nbd.read(0, TEST_BYTES);
    nbd.close();
    if (!back.equals(stamp))
      throw new EngineError('ENGINE_REFUSED', `${host} gives back other bytes than were written`);
  } catch (cause) {
    throw new EngineError('ENGINE_REFUSED', `the self-test through ${host} failed`, { cause });
  }
}
