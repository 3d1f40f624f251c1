import { rename, writeFile } from 'node:fs/promises';
import type { NodePids } from './storage-nodes';

/** `fleet.json`: the local fleet as scripts and tests find it. A dead pid is `null`. */
export interface FleetFile {
  /** Every node open, every demo system served. */
  ready: boolean;
  runId: string;
  gateway: { url: string; token: string };
  kafka: { brokers: string; pid: number | null };
  database: { url: string; pid: number | null };
  services: { name: string; pid: number | null; log: string }[];
  clusters: { clusterId: string; mediumPath: string }[];
  nodes: { clusterId: string; nodeId: string; dataAddress: string; pids: NodePids }[];
  systems: {
    systemId: string;
    clusterId: string;
    nodeId: string | null;
    exports: { volumeId: string; uri: string }[];
  }[];
}

/** The run that a `fleet.json` tells of; undefined where it is cut off, as after a loss of power. */
export function runIdIn(text: string): string | undefined {
  try {
    const { runId } = JSON.parse(text) as Partial<FleetFile>;
    return typeof runId === 'string' ? runId : undefined;
  } catch {
    return undefined;
  }
}

/** Writes JSON so that a reader sees the old or the new, never half; for our eyes only, as it holds a token. */
export class AtomicJson<T> {
  private last = '';
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly path: string) {}

  /** Nothing happens when nothing has changed. */
  write(value: T): Promise<void> {
    const text = `${JSON.stringify(value, null, 2)}\n`;
    if (text === this.last) return this.writing;
    this.last = text;
    // A write that failed, of a full disk for instance, is its caller's, not the next one's.
    const written = this.writing.then(() => this.replace(text));
    this.writing = written.catch(() => void (this.last = ''));
    return written;
  }

  private async replace(text: string): Promise<void> {
    const draft = `${this.path}.new`;
    await writeFile(draft, text, { mode: 0o600 });
    await rename(draft, this.path);
  }
}
