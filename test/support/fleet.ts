import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FleetFile } from '../../apps/lab/src/fleet-file';
import type { NodeView, SystemView } from '../../apps/lab/src/gateway-client';
import type { LoggedEvent } from '@holdfast/invariants';

const REPOSITORY = join(__dirname, '../..');
const ASK_EVERY_MS = 100;

export interface CliAnswer {
  code: number;
  stdout: string;
  stderr: string;
}

export type Match = (event: LoggedEvent) => boolean;

/** The fleet that `test/run.mjs` started, as a user has it: through API, CLI and the lab's verbs. */
export class Fleet {
  /** What it is now, not what it was. */
  get file(): FleetFile {
    const folder = process.env['HOLDFAST_RUN_DIR'] ?? join(REPOSITORY, '.holdfast/run');
    return JSON.parse(readFileSync(join(folder, 'fleet.json'), 'utf8')) as FleetFile;
  }

  async get<T>(path: string): Promise<T> {
    return this.call<T>('GET', path);
  }

  /** Answers the operation's id. */
  async request(path: string, body: object): Promise<string> {
    return (await this.call<{ operation: { id: string } }>('POST', path, body)).operation.id;
  }

  async succeeded(operationId: string): Promise<void> {
    const { state, reason } = await this.get<{ state: string; reason: unknown }>(
      `/v1/operations/${operationId}?wait=30`,
    );
    expect({ state, reason }).toEqual({ state: 'succeeded', reason: null });
  }

  async perform(path: string, body: object): Promise<void> {
    await this.succeeded(await this.request(path, body));
  }

  system(systemId: string): Promise<SystemView> {
    return this.get(`/v1/systems/${systemId}`);
  }

  async nodes(): Promise<NodeView[]> {
    return (await this.get<{ items: NodeView[] }>('/v1/nodes?limit=500')).items;
  }

  async systems(): Promise<SystemView[]> {
    return (await this.get<{ items: SystemView[] }>('/v1/systems?limit=500')).items;
  }

  /** The newest event's position: what is waited for, comes after it. */
  async position(): Promise<number> {
    const { items } = await this.get<{ items: LoggedEvent[] }>('/v1/events?order=newest&limit=1');
    return items[0]?.position ?? 0;
  }

  async events(since = 0): Promise<LoggedEvent[]> {
    const all: LoggedEvent[] = [];
    for (let page = await this.page(since); page.length > 0; page = await this.page(all.at(-1)!.position))
      all.push(...page);
    return all;
  }

  /** The first event of this type after a position. While the gateway is away the question is asked again. */
  async event(type: string, options: { since: number; match?: Match; withinMs?: number }): Promise<LoggedEvent> {
    const { since, match = () => true, withinMs = 20_000 } = options;
    let found: LoggedEvent | undefined;
    await this.until(`${type} after ${since}`, withinMs, async () => {
      found = (await this.events(since)).find((event) => event.type === type && match(event));
      return found !== undefined;
    });
    return found!;
  }

  async until(what: string, withinMs: number, holds: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + withinMs;
    let failure: unknown;
    for (;;) {
      const held = await holds().catch((error: unknown) => ((failure = error), false));
      if (held) return;
      if (performance.now() > deadline)
        throw new Error(`not within ${withinMs / 1_000} s: ${what}`, { cause: failure });
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  }

  /** Every node open, every system served: where a cell begins and ends. */
  clean(withinMs = 120_000): Promise<void> {
    return this.until('every node healthy, every system served', withinMs, async () => {
      const nodes = await this.nodes();
      const systems = (await this.systems()).filter(({ serving }) => serving.state !== 'retired');
      return (
        nodes.every(({ status }) => status === 'healthy') && systems.every(({ serving }) => serving.state === 'served')
      );
    });
  }

  cli(...args: string[]): Promise<CliAnswer> {
    const program = join(REPOSITORY, 'apps/cli/bin/holdfast.js');
    return new Promise((resolve) => {
      execFile(process.execPath, [program, ...args], { cwd: REPOSITORY }, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, stdout, stderr });
      });
    });
  }

  async lab(verb: 'kill' | 'pause' | 'resume' | 'start' | 'stop', target: string): Promise<void> {
    const { code, stderr } = await this.cli('lab', verb, target);
    expect({ verb, target, code, stderr }).toEqual({ verb, target, code: 0, stderr: '' });
  }

  private async page(since: number): Promise<LoggedEvent[]> {
    return (await this.get<{ items: LoggedEvent[] }>(`/v1/events?since=${since}&limit=500`)).items;
  }

  private async call<T>(method: string, path: string, body?: object): Promise<T> {
    const { url, token } = this.file.gateway;
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    if (body) Object.assign(headers, { 'content-type': 'application/json', 'idempotency-key': randomUUID() });
    const signal = AbortSignal.timeout(35_000);
    const response = await fetch(url + path, { method, headers, signal, ...(body && { body: JSON.stringify(body) }) });
    const answer = (await response.json()) as T & { code?: string; detail?: string };
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer.code} ${answer.detail}`);
    return answer;
  }
}
