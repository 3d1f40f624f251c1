import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { serveSpec } from '@holdfast/contracts';
import { FleetError } from '@holdfast/kernel';
import { readChain, type Chain } from './chain';
import { highestClaim } from './claims';
import { readAdopted } from './daemon-process';
import { StorageDaemon } from './engine.driver';
import type { Journal } from './journal';
import type { ServeOrder } from './journal-records';
import { fileNodeOf, openLayers } from './layer.driver';
import { endProcess } from './process-identity';
import type { Serving } from './serving';
import type { NodeEngine } from './take-up';

interface AdoptionParts {
  node: NodeEngine;
  journal: Journal;
  serving: Serving;
  log(message: string, details?: object): void;
}

const orderFile = z.object({ taskId: z.string(), systemId: z.string(), epoch: z.int(), spec: serveSpec });

/**
 * At start, before anything is heard: daemons that lived on are adopted unnoticed, or killed if anything about them is
 * not as it should be; what is ours by claim and journal and has no daemon is served again.
 */
export async function adoptAll(parts: AdoptionParts): Promise<{ systemId: string; epoch: number }[]> {
  const { runFolder } = parts.node;
  await mkdir(runFolder, { recursive: true });
  const adopted: ServeOrder[] = [];
  for (const name of await readdir(runFolder)) {
    if (!/\.e\d+$/.test(name)) continue;
    const order = await adoptOne(parts, join(runFolder, name));
    if (order) adopted.push(order);
  }
  for (const order of parts.journal.state.serving.values()) {
    if (adopted.some(({ taskId }) => taskId === order.taskId)) continue;
    if (!(await isClaimed(parts, order))) continue;
    void parts.serving.resume(order).catch((error: unknown) => parts.log('not served again', { error: String(error) }));
  }
  return adopted.map(({ systemId, epoch }) => ({ systemId, epoch }));
}

async function adoptOne(parts: AdoptionParts, folder: string): Promise<ServeOrder | undefined> {
  const order = await readOrder(folder);
  const daemon = await StorageDaemon.attach(folder, parts.node.engine.flush);
  if (order && daemon && (await isAsItShould(parts, order, daemon))) {
    // A kept journal holds the order already: adopting writes nothing, so a full disk ends no service.
    if (parts.journal.kind === 'new') await parts.journal.append({ k: 'order', order });
    parts.serving.adopt(order, daemon);
    parts.log('adopted', { systemId: order.systemId, epoch: order.epoch });
    return order;
  }
  const identity = await readAdopted(folder);
  if (identity) await endProcess(identity); // what is served again may be served in this very folder
  await rm(folder, { recursive: true, force: true });
  return undefined;
}

async function isAsItShould(parts: AdoptionParts, order: ServeOrder, daemon: StorageDaemon): Promise<boolean> {
  const { journal } = parts;
  const known = journal.state.serving.get(order.taskId);
  // A kept journal that does not know it has stopped it, or was told of a newer epoch.
  if (journal.kind === 'kept' && known?.epoch !== order.epoch) return false;
  if (!(await isClaimed(parts, order))) return false;
  try {
    const chain = await readChain(join(parts.node.mediumFolder, order.systemId));
    if (!chain) return false;
    const exports = await daemon.exports();
    return (
      order.spec.volumes.every(({ volumeId }) => exports.includes(volumeId)) &&
      (await writesWhereListed(daemon, chain, join(parts.node.mediumFolder, order.systemId)))
    );
  } catch (error) {
    if (error instanceof FleetError) return false;
    throw error;
  }
}

/** What each volume writes to is listed. One layer may lie above it, listed for the next freeze. */
async function writesWhereListed(daemon: StorageDaemon, chain: Chain, folder: string): Promise<boolean> {
  const files = new Map((await daemon.openFiles()).map(({ node, file }) => [node, file]));
  const open = await openLayers(
    daemon,
    chain.volumes.map(({ volumeId }) => volumeId),
  );
  return chain.volumes.every(({ volumeId: name, layers }) => {
    const k = open.get(name)!.chain.at(-1);
    const listed = layers.slice(-2).find((layer) => layer.k === k);
    return listed && files.get(fileNodeOf({ name, k: listed.k })) === join(folder, listed.file);
  });
}

/** The claim is this order's own. */
async function isClaimed({ node, log }: AdoptionParts, { systemId, epoch }: ServeOrder): Promise<boolean> {
  const folder = join(node.mediumFolder, systemId);
  try {
    const standing = await highestClaim(join(folder, 'claims'));
    if (standing?.epoch !== epoch || standing.nodeId !== node.nodeId) return false;
    return true;
  } catch (error) {
    log('the medium does not tell who owns it', { systemId, error: String(error) });
    return false;
  }
}

async function readOrder(folder: string): Promise<ServeOrder | undefined> {
  try {
    return orderFile.parse(JSON.parse(await readFile(join(folder, 'order.json'), 'utf8')));
  } catch {
    return undefined; // absent or torn: the agent died before it started the daemon
  }
}
