import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Everything that this run writes lies in one folder; the CLI and scripts find `fleet.json` and `lab.sock` in it. */
export class RunFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = resolve(path);
  }

  readonly logs = () => join(this.path, 'logs');
  readonly log = (name: string) => join(this.logs(), `${name}.log`);
  readonly socket = () => join(this.path, 'lab.sock');
  readonly fleetFile = () => join(this.path, 'fleet.json');
  readonly targets = () => join(this.path, 'targets.json');
  readonly postgres = () => join(this.path, 'postgres');
  readonly kafka = () => join(this.path, 'kafka');
  readonly adminToken = () => join(this.path, 'admin-token');
  readonly port = (name: string) => join(this.path, 'ports', name);
  /** The medium that the nodes of this cluster share, and no other cluster's nodes see. */
  readonly medium = (clusterId: string) => join(this.path, 'media', clusterId);
  readonly node = (nodeId: string) => join(this.path, 'nodes', nodeId);
  readonly ledger = (systemId: string) => join(this.path, 'ledgers', `${systemId}.jsonl`);

  /** Made anew: what an earlier run kept was for looking at. */
  async make(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
    for (const part of ['logs', 'ports', 'media', 'nodes', 'ledgers'])
      await mkdir(join(this.path, part), { recursive: true, mode: 0o755 });
  }

  /** What the keeper removes at the end: all of it, or all but the logs, where somebody has to read them. */
  leftovers({ keepLogs }: { keepLogs: boolean }): string[] {
    // PostgreSQL's first: it may be a link to where its data is.
    if (!keepLogs) return [this.postgres(), this.path];
    const files = [this.socket(), this.fleetFile(), this.targets(), this.adminToken()];
    return [
      ...files,
      ...['postgres', 'kafka', 'ports', 'media', 'nodes', 'ledgers'].map((part) => join(this.path, part)),
    ];
  }
}
