import { setTimeout as sleep } from 'node:timers/promises';
import type { Flush, StorageDaemon } from './engine.driver';
import { EngineError } from './errors';
import { refused } from './qmp';

/** One layer of one volume, as a node of the daemon: `v1.3`, on its file `v1.3.f`. */
interface LayerId {
  name: string;
  k: number;
}

/** What touches images, or looks at many, takes longer than a question: as long as opening may. */
const DEADLINE_MS = 2_000;
const JOB_LOOK_MS = { first: 10, longest: 500 };

const nodeOf = ({ name, k }: LayerId) => `${name}.${k}`;
export const fileNodeOf = (layer: LayerId) => `${nodeOf(layer)}.f`;

/** Read-only on the qcow2 node alone: on the file node as well, the daemon dies at the end of a fold. */
export function layerNode(layer: LayerId, how: { flush: Flush; direct?: boolean; frozen: boolean }) {
  const cache = cacheOf(how.flush, how.direct);
  return {
    driver: 'qcow2',
    'node-name': nodeOf(layer),
    cache,
    ...(how.frozen ? { 'read-only': true } : { discard: 'unmap' }),
    file: { driver: 'file', 'node-name': fileNodeOf(layer), locking: 'on', cache },
  };
}

const cacheOf = (flush: Flush, direct = false) => ({ direct, 'no-flush': flush === 'os' });

/** The next layer, beside the chain. What is below it is put below it by the freeze. */
export async function addOverlay(daemon: StorageDaemon, layer: LayerId, filename: string): Promise<void> {
  const node = layerNode(layer, { flush: daemon.flush, frozen: false });
  const overlay = { ...node, file: { ...node.file, filename }, backing: null };
  await daemon.execute('blockdev-add', overlay, DEADLINE_MS);
}

export async function dropNode(daemon: StorageDaemon, layer: LayerId): Promise<void> {
  await daemon.execute('blockdev-del', { 'node-name': nodeOf(layer) }, DEADLINE_MS);
}

/** What is open below each volume, bottom to top; and what is open beside the chains. Asked, never remembered. */
export type OpenLayers = Map<string, { chain: number[]; beside: number[] }>;

export async function openLayers(daemon: StorageDaemon, volumes: string[]): Promise<OpenLayers> {
  const graph = await daemon.execute<BlockGraph>('x-debug-query-block-graph', {}, DEADLINE_MS);
  const names = new Map(graph.nodes.map(({ id, name }) => [id, name]));
  const below = new Map(
    graph.edges
      .filter(({ name }) => name === 'backing' || name === 'file')
      .map(({ name, parent, child }) => [`${names.get(parent)} ${name}`, names.get(child)!]),
  );
  const all = graph.nodes.flatMap(({ name }) => layersNamed(name));
  return new Map(
    volumes.map((volume) => {
      const chain: number[] = [];
      let node = below.get(`${volume} file`);
      // A fold puts a node of its own between the layers while it runs.
      for (; node !== undefined; node = below.get(`${node} backing`))
        chain.unshift(...layersNamed(node).map(({ k }) => k));
      const beside = all.filter(({ name, k }) => name === volume && !chain.includes(k)).map(({ k }) => k);
      return [volume, { chain, beside }];
    }),
  );
}

interface BlockGraph {
  nodes: { id: number; name: string }[];
  edges: { name: string; parent: number; child: number }[];
}

function layersNamed(node: string): LayerId[] {
  const [, name, k] = /^(.+)\.(\d+)$/.exec(node) ?? [];
  return name === undefined ? [] : [{ name, k: Number(k) }];
}

/** All volumes at one instant, or none: what was the top is frozen, the overlay is written from now on. */
export async function freezeAll(daemon: StorageDaemon, volumes: string[], k: number): Promise<number> {
  const actions = volumes.map((name) => ({
    type: 'blockdev-snapshot',
    data: { node: nodeOf({ name, k }), overlay: nodeOf({ name, k: k + 1 }) },
  }));
  const begun = performance.now();
  await daemon.execute('transaction', { actions }, DEADLINE_MS);
  return performance.now() - begun;
}

/** Node numbers of one volume's layers: all above `base` up to `top` are merged into `base`, below `above`. */
interface FoldNodes {
  name: string;
  base: number;
  top: number;
  above: number;
  /** What `above` says it lies on afterwards: its header is written by the engine. */
  baseFile: string;
}

/**
 * Merges frozen layers under load. Without the guard the engine ends its own process where a reader holds `above`:
 * reopened for writing first, it is refused while it is read, and nobody begins to read it until the fold is over.
 */
export async function fold(daemon: StorageDaemon, nodes: FoldNodes, signal: AbortSignal): Promise<void> {
  const { name, base, top, above, baseFile } = nodes;
  await reopen(daemon, { name, k: above }, { on: top, frozen: false });
  let lies = top;
  try {
    const job = `fold-${name}`;
    const layers = { 'top-node': nodeOf({ name, k: top }), 'base-node': nodeOf({ name, k: base }) };
    const options = { 'job-id': job, device: name, ...layers, 'backing-file': baseFile, 'auto-dismiss': false };
    await daemon.execute('block-commit', options, DEADLINE_MS);
    await endOfJob(daemon, job, signal);
    lies = base;
  } finally {
    await reopen(daemon, { name, k: above }, { on: lies, frozen: true });
  }
}

async function reopen(daemon: StorageDaemon, layer: LayerId, how: { on: number; frozen: boolean }): Promise<void> {
  const node = { driver: 'qcow2', 'node-name': nodeOf(layer), cache: cacheOf(daemon.flush), 'read-only': how.frozen };
  const place = { file: fileNodeOf(layer), backing: nodeOf({ name: layer.name, k: how.on }) };
  await daemon.execute('blockdev-reopen', { options: [{ ...node, ...place }] }, DEADLINE_MS);
}

interface Job {
  id: string;
  status: string;
  error?: string;
}

const jobsOf = (daemon: StorageDaemon) => daemon.execute<Job[]>('query-jobs', {}, DEADLINE_MS);

async function endOfJob(daemon: StorageDaemon, id: string, signal: AbortSignal): Promise<void> {
  let cancelled = false;
  for (let waitMs = JOB_LOOK_MS.first; ; waitMs = Math.min(2 * waitMs, JOB_LOOK_MS.longest)) {
    const job = (await jobsOf(daemon)).find((one) => one.id === id);
    if (!job) throw new EngineError('ENGINE_REFUSED', `the job ${id} vanished`);
    if (job.status === 'concluded') {
      await daemon.execute('job-dismiss', { id }, DEADLINE_MS);
      if (job.error !== undefined) throw refused(id, job.error);
      return;
    }
    // Half a fold loses nothing: the longer list reads the same.
    if (signal.aborted && !cancelled) await daemon.execute('job-cancel', { id }, DEADLINE_MS);
    cancelled = signal.aborted;
    await sleep(waitMs, undefined, cancelled ? {} : { signal }).catch(() => undefined); // aborted: looked at once more
  }
}

/** In a daemon whose agent died: what it folded at that moment is called off, and what it guarded frozen again. */
export async function endFolds(daemon: StorageDaemon, volumes: string[]): Promise<void> {
  const calledOff = AbortSignal.abort();
  for (const { id } of await jobsOf(daemon))
    await endOfJob(daemon, id, calledOff).catch((error: unknown) => {
      if (!(error instanceof EngineError && error.code === 'ENGINE_REFUSED')) throw error;
    });
  type Named = { 'node-name': string; ro: boolean };
  const nodes = await daemon.execute<Named[]>('query-named-block-nodes', { flat: true }, DEADLINE_MS);
  const isWritable = (layer: LayerId) => nodes.some((node) => node['node-name'] === nodeOf(layer) && !node.ro);
  for (const [name, { chain }] of await openLayers(daemon, volumes))
    for (const [index, k] of chain.slice(1, -1).entries())
      if (isWritable({ name, k })) await reopen(daemon, { name, k }, { on: chain[index]!, frozen: true });
}
