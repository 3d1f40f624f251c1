import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ChildProcess, spawn } from 'node:child_process';
import type { ClientLine, Tally } from './client-lines';
import { environment } from './environment';
import type { SystemView } from './gateway-client';
import { signal } from './processes';

/** As much as a client needs to be seen: it shares two cores with the fleet. */
const EVERY_MS = 100;

/** One checking client per demo system, each its own process. What they report is kept, the newest per system. */
export class DemoClients {
  private readonly children: ChildProcess[] = [];
  private readonly tallies = new Map<string, Tally & { connected: boolean; silentMs: number }>();

  constructor(
    private readonly runId: string,
    private readonly ledger: (systemId: string) => string,
  ) {}

  start({ systemId, exports }: SystemView): void {
    const targets = exports.flatMap(({ uri }) => ['--target', uri]);
    const args = [join(__dirname, 'demo-client.js'), '--system', systemId, '--every-ms', `${EVERY_MS}`];
    const child = spawn(
      process.execPath,
      ['--max-old-space-size=64', ...args, '--ledger', this.ledger(systemId), ...targets],
      {
        detached: true,
        stdio: ['ignore', 'pipe', 'inherit'],
        env: environment(this.runId, {}),
      },
    );
    // One that could not be started is told, and ends nothing else.
    child.once('error', (error) => process.stderr.write(`✖ the client of ${systemId}: ${error.message}\n`));
    this.children.push(child);
    createInterface({ input: child.stdout }).on('line', (line) => this.heard(JSON.parse(line) as ClientLine));
  }

  get count(): number {
    return this.children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null).length;
  }

  /** Over all systems; `wrong` is what must stay 0. */
  get total(): { ok: number; wrong: number } {
    const all = [...this.tallies.values()];
    return { ok: sum(all.map(({ ok }) => ok)), wrong: sum(all.map(({ wrong }) => wrong)) };
  }

  summary(): string[] {
    return [...this.tallies].map(([systemId, { ok, checked, wrong, longestGapMs, connected, silentMs }]) => {
      const now = connected && silentMs < 1_000 ? 'writing' : `waiting for ${(silentMs / 1_000).toFixed(1)} s`;
      return `${systemId}: ${now}, ${ok} written, ${checked} checked, ${wrong} wrong, longest gap ${longestGapMs} ms`;
    });
  }

  stop(): void {
    for (const { pid } of this.children) if (pid) signal(pid, 'SIGTERM');
  }

  private heard(line: ClientLine): void {
    if (line.type === 'tally') this.tallies.set(line.system, line);
    if (line.type === 'wrong')
      process.stderr.write(
        `✖ ${line.volume} block ${line.block} is wrong: expected ${line.expected}, found ${line.found}\n`,
      );
    if (line.type === 'gap') process.stdout.write(`  ${line.volume} written again after ${line.ms} ms\n`);
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
