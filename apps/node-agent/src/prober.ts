import { NbdClient, NbdError } from '@holdfast/nbd';
import { SERVING_PORT } from './engine.driver';

interface ProbeTarget {
  nodeId: string;
  dataAddress: string;
}

type Outcome = 'reached' | 'timeout' | 'refused' | 'failed';

interface Result {
  outcome: Outcome;
  atMs: number;
  ms: number;
}

const EVERY_MS = 1_000;
const DEADLINE_MS = 500;
const BLOCK_BYTES = 4_096;
const WRITE_EVERY = 5;

/** Looks at peers over the path that clients use: a handshake of its own each time, a read, each fifth time a write. */
export class Prober {
  private targets: ProbeTarget[] = [];
  private readonly results = new Map<string, Result>();
  private rounds = 0;
  private timer?: NodeJS.Timeout;

  start(): void {
    this.timer = setInterval(() => this.round(), EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** The whole plan: it replaces the one before. */
  plan(targets: ProbeTarget[]): void {
    this.targets = targets;
    for (const nodeId of this.results.keys())
      if (!targets.some((target) => target.nodeId === nodeId)) this.results.delete(nodeId);
  }

  /** Ages, not times: no clocks are compared. */
  seen(): { nodeId: string; outcome: Outcome; ageMs: number; ms: number }[] {
    const now = performance.now();
    return [...this.results].map(([nodeId, { outcome, atMs, ms }]) => ({ nodeId, outcome, ageMs: now - atMs, ms }));
  }

  private round(): void {
    const write = ++this.rounds % WRITE_EVERY === 0;
    for (const { nodeId, dataAddress } of this.targets)
      void probe(dataAddress, write).then((result) => {
        if (result && this.targets.some((target) => target.nodeId === nodeId)) this.results.set(nodeId, result);
        else this.results.delete(nodeId);
      });
  }
}

/** Undefined: this node had no means to look, which is no evidence against the peer. */
export async function probe(host: string, write: boolean, port = SERVING_PORT): Promise<Result | undefined> {
  const begun = performance.now();
  const outcome = await look(host, port, write);
  if (!outcome) return undefined;
  const atMs = performance.now();
  return { outcome, atMs, ms: atMs - begun };
}

/** One deadline for all of it: a handshake that took 400 ms leaves 100 for the rest. */
async function look(host: string, port: number, write: boolean): Promise<Outcome | undefined> {
  let nbd: NbdClient | undefined;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    nbd?.close();
  }, DEADLINE_MS);
  try {
    nbd = await NbdClient.connect({ host, port }, 'probe', { timeoutMs: DEADLINE_MS });
    await nbd.read(0, BLOCK_BYTES);
    if (write) {
      await nbd.write(0, Buffer.alloc(BLOCK_BYTES, 1));
      await nbd.flush();
    }
    return late ? 'timeout' : 'reached';
  } catch (error) {
    if (isOurOwn(error)) return undefined;
    return late ? 'timeout' : outcomeOf(error);
  } finally {
    clearTimeout(timer);
    nbd?.close();
  }
}

const OWN_SHORTAGES = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL']);

/** Out of descriptors, memory or ports ourselves. */
function isOurOwn(error: unknown): boolean {
  const { cause } = error as Error;
  return cause instanceof Error && OWN_SHORTAGES.has((cause as NodeJS.ErrnoException).code ?? '');
}

function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof NbdError)) throw error;
  if (error.code === 'NBD_TIMEOUT') return 'timeout';
  return error.code === 'NBD_UNREACHABLE' || error.code === 'NBD_REFUSED' ? 'refused' : 'failed';
}
