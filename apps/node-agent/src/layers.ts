import { join } from 'node:path';
import { invariant } from '@holdfast/kernel';
import { inSpan } from '@holdfast/observability';
import { ChainLock } from './chain-lock';
import {
  filesOfPoint,
  foldsOf,
  layerFile,
  withLayer,
  withoutLayersAbove,
  withoutMerged,
  withoutPins,
  withoutPointsIn,
  withPin,
  withPoint,
  type Chain,
  type ChainVolume,
  type Fold,
  type Layer,
} from './chain.rules';
import { createOverlays, mustReadChain, removeUnlisted, replaceChain, requireSameSize, unlistedIn } from './chain';
import type { StorageDaemon } from './engine.driver';
import { EngineError, Superseded } from './errors';
import type { ServeOrder } from './journal-records';
import { addOverlay, dropNode, endFolds, fold, freezeAll, openLayers, type OpenLayers } from './layer.driver';
import type { Pinners } from './pins';
import { checkClaim, type NodeEngine } from './take-up';

interface LayersParts {
  order: ServeOrder;
  daemon: StorageDaemon;
  /** Of the system: it outlives the daemon. */
  pinners: Pinners;
  node: NodeEngine;
  log(message: string, details?: object): void;
}

interface FrozenPoint {
  k: number;
  volumes: { volumeId: string; files: string[] }[];
  /** How long writes waited; 0 where the point was there already. */
  frozenMs: number;
}

/** The list as it was read under the lock, with the claim found to be our own. */
interface LockedList {
  chain: Chain;
  replace(chain: Chain): Promise<void>;
}

const LOCK_PATIENCE_MS = 5_000;
const TRY_AGAIN_MS = 10_000;

/**
 * The layers of one system that this node serves. A layer is listed before it is switched to: listed and never written
 * to is harmless, written to and not listed would be lost. What is open is asked of the daemon, never remembered, so
 * that it matters to nobody how an order ended whose answer was lost.
 */
export class Layers {
  private readonly left = new AbortController();
  private readonly folder: string;
  private readonly volumes: string[];
  private turn: Promise<unknown> = Promise.resolve();
  private tending: Promise<void> = Promise.resolve();
  private tryAgain?: NodeJS.Timeout;
  private isToTend = false;
  private wantsNext = false;
  private wasLeftAlone = false;

  constructor(private readonly parts: LayersParts) {
    this.folder = join(parts.node.mediumFolder, parts.order.systemId);
    this.volumes = parts.order.spec.volumes.map(({ volumeId }) => volumeId);
  }

  /** Of a daemon whose agent died, perhaps amid a fold. */
  adopt(): void {
    this.wasLeftAlone = true;
    this.tend();
  }

  /** All volumes at one instant, pinned for a task. Told again if the chain has the point. */
  async freeze(point: { pointId: string; by: string }): Promise<FrozenPoint> {
    this.parts.pinners.add(point.by);
    const frozen = await this.inTurn(() => this.locked((list) => this.freezeUnder(list, point)));
    this.tend();
    return frozen;
  }

  /** Nothing of it is left under way: no fold in the daemon, nobody in the lock. */
  async leave(): Promise<void> {
    this.left.abort();
    clearTimeout(this.tryAgain);
    await this.tending;
    await this.turn;
  }

  private async freezeUnder(list: LockedList, { pointId, by }: { pointId: string; by: string }): Promise<FrozenPoint> {
    const known = list.chain.points.find((point) => point.pointId === pointId);
    if (known) {
      await list.replace(withPin(list.chain, { k: known.k, by }));
      return { k: known.k, volumes: filesOfPoint(list.chain, known.k), frozenMs: 0 };
    }
    const open = await openLayers(this.parts.daemon, this.volumes);
    const k = topOf(open);
    await this.prepare(list, open);
    const frozenMs = await freezeAll(this.parts.daemon, this.volumes, k);
    this.wantsNext = true;
    await list.replace(withPoint(list.chain, { k, pointId, at: new Date().toISOString() }, by));
    return { k, volumes: filesOfPoint(list.chain, k), frozenMs };
  }

  /** What the next freeze switches to is listed, of the right size, and open. */
  private async prepare(list: LockedList, open: OpenLayers): Promise<void> {
    const top = topOf(open);
    if (!this.isListedByUs(list.chain, top)) await this.listNext(list, top);
    for (const volume of list.chain.volumes) await this.openNext(volume, open.get(volume.volumeId)!);
  }

  /** What a passed owner listed last lies above our top, and nobody ever wrote to it. */
  private async listNext(list: LockedList, top: number): Promise<void> {
    const { epoch } = this.parts.order;
    const k = top + 1;
    await list.replace(withoutLayersAbove(list.chain, top));
    await createOverlays(this.folder, list.chain.volumes, { k, epoch });
    await list.replace(withLayer(list.chain, k, epoch));
  }

  private async openNext({ volumeId: name, layers }: ChainVolume, { beside }: { beside: number[] }): Promise<void> {
    const [lower, upper] = layers.slice(-2) as [Layer, Layer];
    const filename = join(this.folder, upper.file);
    await requireSameSize(join(this.folder, lower.file), filename);
    if (!beside.includes(upper.k)) await addOverlay(this.parts.daemon, { name, k: upper.k }, filename);
  }

  private isListedByUs({ volumes }: Chain, top: number): boolean {
    const ours = (volumeId: string) => layerFile(volumeId, top + 1, this.parts.order.epoch);
    return volumes.every(({ volumeId, layers }) => {
      const above = layers.filter(({ k }) => k > top);
      return above.length === 1 && above[0]!.file === ours(volumeId);
    });
  }

  /** What can wait, one round after the other. What fails is tried again: it is late, and nothing else. */
  tend(): void {
    clearTimeout(this.tryAgain);
    if (this.isToTend) return;
    this.isToTend = true;
    this.tending = this.tending.then(() => this.tendOnce()).catch((error: unknown) => this.tendLater(error));
  }

  private tendLater(error: unknown): void {
    if (this.left.signal.aborted) return;
    const { order, log } = this.parts;
    log('layers are left as they are for now', { systemId: order.systemId, error: String(error) });
    this.tryAgain = setTimeout(() => this.tend(), TRY_AGAIN_MS).unref();
  }

  private async tendOnce(): Promise<void> {
    this.isToTend = false;
    if (this.left.signal.aborted) return;
    if (this.wasLeftAlone) await endFolds(this.parts.daemon, this.volumes);
    this.wasLeftAlone = false;
    await this.inTurn(() => this.tidyUp());
    for (const [volumeId, one] of await this.dueFolds())
      await this.foldOne(volumeId, one).catch((error: unknown) => {
        // A reader's are left to it; what lies above them can be folded all the same.
        if (!(error instanceof EngineError && error.code === 'IMAGE_LOCKED')) throw error;
        this.tendLater(error);
      });
  }

  /** After whatever is under way: a point that is being frozen for a task that is over has a pin that must go too. */
  private async tidyUp(): Promise<void> {
    const over = this.parts.pinners.toUnpin;
    if (await this.isUntidy()) await this.locked((list) => this.tidy(list));
    this.parts.pinners.forget(over);
  }

  private async isUntidy(): Promise<boolean> {
    const chain = await mustReadChain(this.folder);
    if (this.wantsNext || chain.pins.some(({ by }) => this.parts.pinners.isOver(by))) return true;
    if ((await unlistedIn(this.folder, chain, (epoch) => epoch <= this.parts.order.epoch)).length > 0) return true;
    if (chain.volumes.every(({ layers }) => layers.length < 3)) return false;
    return withoutMerged(chain, await openLayers(this.parts.daemon, this.volumes)) !== chain;
  }

  /** Listed is what is in use. Of what is not listed, only a later epoch's may be at work at this moment. */
  private async tidy(list: LockedList): Promise<void> {
    const { daemon, order } = this.parts;
    const open = await openLayers(daemon, this.volumes);
    const listed = withoutMerged(list.chain, open);
    await list.replace(withoutPins(listed, (by) => this.parts.pinners.isOver(by)));
    for (const name of this.volumes) await this.dropMerged(name, topOf(open));
    await removeUnlisted(this.folder, list.chain, (epoch) => epoch <= order.epoch);
    if (this.wantsNext) await this.prepare(list, open);
    this.wantsNext = false;
  }

  /** From above, for each lies on the next. Those that were opened with the chain go with the one above them. */
  private async dropMerged(name: string, top: number): Promise<void> {
    const { daemon } = this.parts;
    for (;;) {
      const { beside } = (await openLayers(daemon, [name])).get(name)!;
      const merged = beside.filter((k) => k < top);
      if (merged.length === 0) return;
      await dropNode(daemon, { name, k: Math.max(...merged) });
    }
  }

  private async dueFolds(): Promise<[string, Fold][]> {
    const { daemon, node } = this.parts;
    const before = await mustReadChain(this.folder);
    if (before.volumes.every(({ layers }) => layers.length <= node.foldAbove)) return [];
    const top = topOf(await openLayers(daemon, this.volumes));
    const dueIn = ({ volumes, pins }: Chain) =>
      volumes.flatMap((volume) =>
        foldsOf(volume, { pins, top, foldAbove: node.foldAbove }).map((one): [string, Fold] => [volume.volumeId, one]),
      );
    if (dueIn(before).length === 0) return [];
    return this.inTurn(() =>
      this.locked(async (list) => {
        const due = dueIn(list.chain);
        const folds = due.map(([, one]) => one);
        await list.replace(withoutPointsIn(list.chain, folds));
        return due;
      }),
    );
  }

  /** Beside freezes, which go on above it; a story of its own, for it belongs to none of them. */
  private foldOne(name: string, { base, top, above }: Fold): Promise<void> {
    const { daemon, order } = this.parts;
    return inSpan('effect fold', { root: true, attributes: { 'holdfast.epoch': order.epoch } }, async () => {
      const nodes = { name, base: base.k, top: top.k, above: above.k, baseFile: base.file };
      await fold(daemon, nodes, this.left.signal);
      await this.inTurn(() => this.locked((list) => this.tidy(list)));
    });
  }

  private locked<T>(work: (list: LockedList) => Promise<T>): Promise<T> {
    const { order, node } = this.parts;
    const wait = { signal: this.left.signal, giveUpMs: LOCK_PATIENCE_MS };
    return ChainLock.with(this.folder, wait, async (lock) => {
      await checkClaim(order, node.nodeId, this.folder);
      const list: LockedList = {
        chain: await mustReadChain(this.folder),
        replace: async (chain) => {
          if (chain !== list.chain) await replaceChain(this.folder, chain, lock);
          list.chain = chain;
        },
      };
      return work(list);
    });
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(() => {
      if (this.left.signal.aborted) throw new Superseded('it is not served here any more');
      return work();
    });
    this.turn = done.catch(() => undefined); // told to the caller; the next in line is not held up
    return done;
  }
}

function topOf(open: OpenLayers): number {
  const tops = new Set([...open.values()].map(({ chain }) => chain.at(-1)));
  const [top] = tops;
  invariant(tops.size === 1 && top !== undefined, 'all volumes of a system have one top');
  return top;
}
