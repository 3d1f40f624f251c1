import type { ChildProcess } from 'node:child_process';

/** PostgreSQL or Kafka, as `libs/testing` starts them. */
export interface Startable {
  readonly pid: number;
  readonly process: ChildProcess;
  stop(): Promise<void>;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

const FIRST_BACK_OFF_MS = 500;
const LAST_BACK_OFF_MS = 5_000;

/** A server that is started again when it dies, unless it was told to stop. */
export class KeptServer {
  private wanted = true;
  private backOffMs = FIRST_BACK_OFF_MS;
  private changing: Promise<unknown> = Promise.resolve();

  constructor(
    readonly name: string,
    private readonly server: Startable,
  ) {
    this.watch();
  }

  get pid(): number | null {
    return this.lives ? this.server.pid : null;
  }

  get state(): 'running' | 'restarting' | 'stopped' {
    if (this.lives) return 'running';
    return this.wanted ? 'restarting' : 'stopped';
  }

  kill(): Promise<void> {
    return this.server.kill();
  }

  async stop(): Promise<void> {
    this.wanted = false;
    await this.inTurn(() => this.server.stop());
  }

  async start(): Promise<void> {
    this.wanted = true;
    await this.inTurn(() => this.restart());
  }

  private get lives(): boolean {
    const { exitCode, signalCode } = this.server.process;
    return exitCode === null && signalCode === null;
  }

  private watch(): void {
    this.server.process.once('exit', () => {
      if (this.wanted) setTimeout(() => void this.bringBack(), this.backOffMs);
    });
  }

  private async bringBack(): Promise<void> {
    try {
      await this.inTurn(() => this.restart());
      this.backOffMs = FIRST_BACK_OFF_MS;
    } catch (error) {
      this.backOffMs = Math.min(this.backOffMs * 2, LAST_BACK_OFF_MS);
      process.stderr.write(`${this.name} did not come back: ${(error as Error).message}\n`);
      setTimeout(() => void this.bringBack(), this.backOffMs);
    }
  }

  private async restart(): Promise<void> {
    if (!this.wanted || this.lives) return;
    await this.server.restart();
    this.watch();
  }

  /** A start while it comes back must not make two of it, and a stop must find what was just made. */
  private inTurn(change: () => Promise<void>): Promise<void> {
    const done = this.changing.then(change);
    this.changing = done.catch(() => undefined);
    return done;
  }
}
