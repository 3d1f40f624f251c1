import { z } from 'zod';

/*
 * What the list of a system's layers becomes. A rule that changes nothing answers the very object that it was given:
 * whoever asks takes another object for another list, to be written and to be tidied up after.
 */

/** Layers bottom to top; what must not be folded. Whatever is not listed here is not part of the system. */
export const chainFile = z.strictObject({
  volumes: z
    .array(
      z.strictObject({
        volumeId: z.string().regex(/^[^/]+$/),
        sizeBytes: z.int().positive(),
        layers: z.array(z.strictObject({ k: z.int().positive(), file: z.string().regex(/^[^/]+\.qcow2$/) })).min(1),
      }),
    )
    .min(1),
  points: z.array(z.strictObject({ k: z.int().positive(), pointId: z.string(), at: z.string() })),
  pins: z.array(z.strictObject({ k: z.int().positive(), by: z.string() })),
});
export type Chain = z.infer<typeof chainFile>;
export type ChainVolume = Chain['volumes'][number];
export type Layer = ChainVolume['layers'][number];

export function filesOf(chain: Chain): string[] {
  return chain.volumes.flatMap(({ layers }) => layers.map(({ file }) => file));
}

/** A layer's file names who made it, so that no two owners ever make the same. */
export function layerFile(volumeId: string, k: number, epoch: number): string {
  return `${volumeId}.${k}.e${epoch}.qcow2`;
}

/** Undefined: this is no layer's file. */
export function epochOfLayer(file: string): number | undefined {
  const epoch = /\.e(\d+)\.qcow2$/.exec(file)?.[1];
  return epoch === undefined ? undefined : Number(epoch);
}

/** The files that a point consists of, bottom to top: all layers up to its own. */
export function filesOfPoint(chain: Chain, k: number): { volumeId: string; files: string[] }[] {
  return chain.volumes.map(({ volumeId, layers }) => ({
    volumeId,
    files: layers.filter((layer) => layer.k <= k).map(({ file }) => file),
  }));
}

export function withLayer(chain: Chain, k: number, epoch: number): Chain {
  const volumes = chain.volumes.map((volume) => ({
    ...volume,
    layers: [...volume.layers, { k, file: layerFile(volume.volumeId, k, epoch) }],
  }));
  return { ...chain, volumes };
}

/** Nothing was ever written to what lies above the top. */
export function withoutLayersAbove(chain: Chain, top: number): Chain {
  if (chain.volumes.every(({ layers }) => layers.at(-1)!.k <= top)) return chain;
  const volumes = chain.volumes.map((volume) => ({ ...volume, layers: volume.layers.filter(({ k }) => k <= top) }));
  return { ...chain, volumes };
}

export function withPoint(chain: Chain, { k, pointId, at }: Chain['points'][number], by: string): Chain {
  return withPin({ ...chain, points: [...chain.points, { k, pointId, at }] }, { k, by });
}

export function withPin(chain: Chain, pin: Chain['pins'][number]): Chain {
  const held = chain.pins.some(({ k, by }) => k === pin.k && by === pin.by);
  return held ? chain : { ...chain, pins: [...chain.pins, pin] };
}

export function withoutPins(chain: Chain, isOver: (by: string) => boolean): Chain {
  return chain.pins.some(({ by }) => isOver(by))
    ? { ...chain, pins: chain.pins.filter(({ by }) => !isOver(by)) }
    : chain;
}

/** Layers to be merged: all above `base` up to `top` go into `base`. `above` is the one that then lies on it. */
export interface Fold {
  base: Layer;
  top: Layer;
  above: Layer;
}

/**
 * Once there are too many layers, those that no pin needs apart from each other, lowest first. A pinned layer stays as it
 * is, between what lies below it and what lies above. What is written to and the layer below it stay out, for a fold may
 * not meet a freeze.
 */
export function foldsOf(
  { layers }: ChainVolume,
  { pins, top, foldAbove }: { pins: Chain['pins']; top: number; foldAbove: number },
): Fold[] {
  const inUse = layers.filter(({ k }) => k <= top);
  if (inUse.length <= foldAbove) return [];
  const pinned = new Set(pins.map(({ k }) => k));
  const groups: Layer[][] = [[]];
  for (const layer of inUse.slice(0, -2))
    if (pinned.has(layer.k)) groups.push([]);
    else groups.at(-1)!.push(layer);
  return groups.flatMap(([base, ...merged]) => {
    const last = merged.at(-1);
    return base && last ? [{ base, top: last, above: inUse[inUse.indexOf(last) + 1]! }] : [];
  });
}

/** Points that a fold destroys are given up before it begins: half a fold is no point either. */
export function withoutPointsIn(chain: Chain, folds: Fold[]): Chain {
  const isDestroyed = (k: number) => folds.some(({ base, top }) => k >= base.k && k < top.k);
  const kept = chain.points.filter(({ k }) => !isDestroyed(k));
  return kept.length < chain.points.length ? { ...chain, points: kept } : chain;
}

/** Layers below the top that the daemon has no more were merged into the one below them. */
export function withoutMerged(chain: Chain, open: ReadonlyMap<string, { chain: number[] }>): Chain {
  let merged = false;
  const volumes = chain.volumes.map((volume) => {
    const inUse = open.get(volume.volumeId)?.chain ?? [];
    // Whatever is not understood is left alone: a layer too many is harmless, one too few is data lost.
    if (inUse[0] !== volume.layers[0]!.k) return volume;
    const layers = volume.layers.filter(({ k }) => k > inUse.at(-1)! || inUse.includes(k));
    merged ||= layers.length < volume.layers.length;
    return { ...volume, layers };
  });
  return merged ? { ...chain, volumes } : chain;
}
