import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backends } from './backends';
import { environment, NODE_FLAGS } from './environment';
import { Part } from './part';
import type { RunFolder } from './run-folder';
import { until } from './steps';

export const APPS = join(__dirname, '../..');
const READY_MS = 30_000;

/** In the order of their start; they stop in the reverse one. */
const SERVICES = ['health-monitor', 'load-balancer', 'gateway'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** The services of the control plane: each its own process, started again when it ends. */
export class Services {
  readonly parts: ReadonlyMap<string, Part>;

  constructor(
    private readonly folder: RunFolder,
    runId: string,
    backends: Backends,
  ) {
    this.parts = new Map(SERVICES.map((name) => [name, this.part(name, runId, backends)]));
  }

  async start(): Promise<void> {
    for (const part of this.parts.values()) part.start();
    await Promise.all(SERVICES.map((name) => this.ready(name)));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.parts.values()].reverse().map((part) => part.stop()));
  }

  /** A new process takes a new port unless it was fixed: it is read when it is needed. */
  async adminUrl(name: string): Promise<string> {
    return `http://127.0.0.1:${await this.portIn(this.folder.port(`${name}.admin`))}`;
  }

  async gatewayUrl(): Promise<string> {
    return `http://127.0.0.1:${await this.portIn(this.folder.port('gateway'))}`;
  }

  private async ready(name: ServiceName): Promise<void> {
    const part = this.parts.get(name)!;
    await until(`${name} is not ready`, async () => (await this.readyz(name)) === 200, {
      withinMs: READY_MS,
      logFile: this.folder.log(name),
      givenUp: () => part.restarts > 2,
    });
  }

  private async readyz(name: string): Promise<number> {
    try {
      return (await fetch(`${await this.adminUrl(name)}/readyz`, { signal: AbortSignal.timeout(2_000) })).status;
    } catch {
      return 0; // not listening yet
    }
  }

  private async portIn(file: string): Promise<number> {
    return Number(await readFile(file, 'utf8'));
  }

  private gatewayPort(): string | undefined {
    const file = this.folder.port('gateway');
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  }

  private part(name: ServiceName, runId: string, backends: Backends): Part {
    const env = () =>
      environment(runId, {
        HOLDFAST_DATABASE_URL: backends.databaseUrl,
        HOLDFAST_KAFKA_BROKERS: backends.brokers,
        HOLDFAST_ADMIN_PORT: '0',
        HOLDFAST_ADMIN_PORT_FILE: this.folder.port(`${name}.admin`),
        ...(name === 'gateway' ? this.gatewayVariables() : {}),
      });
    const args = [...NODE_FLAGS, join(APPS, name, 'dist/main.js')];
    return new Part({ name, command: process.execPath, args, env, logFile: this.folder.log(name) });
  }

  private gatewayVariables() {
    return {
      // A gateway that is started again answers where its clients know it.
      HOLDFAST_GATEWAY_PORT: this.gatewayPort() ?? process.env['HOLDFAST_GATEWAY_PORT'] ?? '7480',
      HOLDFAST_GATEWAY_PORT_FILE: this.folder.port('gateway'),
      HOLDFAST_GATEWAY_ADMIN_TOKEN_FILE: this.folder.adminToken(),
    };
  }
}
