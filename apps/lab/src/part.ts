import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { signal } from './processes';

const FIRST_BACK_OFF_MS = 500;
const LAST_BACK_OFF_MS = 5_000;
/** Having run this long, a part has not failed at its start: the next back-off is the first again. */
const STEADY_MS = 10_000;

export interface PartOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Asked at each start. */
  env(): NodeJS.ProcessEnv;
  readonly logFile: string;
}

/** A process of our own that is started again when it ends, unless it was told to stop. It is its own session. */
export class Part {
  private child: ChildProcess | undefined;
  private wanted = false;
  private backOffMs = FIRST_BACK_OFF_MS;
  private timer: NodeJS.Timeout | undefined;
  restarts = 0;

  constructor(readonly options: PartOptions) {}

  get name(): string {
    return this.options.name;
  }

  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  get state(): 'running' | 'restarting' | 'stopped' {
    if (this.child) return 'running';
    return this.wanted ? 'restarting' : 'stopped';
  }

  start(): void {
    this.wanted = true;
    if (this.child) return;
    clearTimeout(this.timer);
    const startedAt = Date.now();
    const child = spawnDetached(this.options);
    this.child = child;
    child.once('exit', () => {
      this.child = undefined;
      if (Date.now() - startedAt > STEADY_MS) this.backOffMs = FIRST_BACK_OFF_MS;
      if (this.wanted) this.startLater();
    });
  }

  /** A crash: it comes back by itself. */
  kill(): void {
    if (this.pid !== null) signal(this.pid, 'SIGKILL');
  }

  pause(): void {
    if (this.pid !== null) signal(this.pid, 'SIGSTOP');
  }

  resume(): void {
    if (this.pid !== null) signal(this.pid, 'SIGCONT');
  }

  /** An orderly end, after which it stays stopped; by force when it takes too long. */
  async stop(patienceMs = 8_000): Promise<void> {
    this.wanted = false;
    clearTimeout(this.timer);
    const child = this.child;
    if (!child?.pid) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    signal(child.pid, 'SIGTERM');
    signal(child.pid, 'SIGCONT');
    const force = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    await gone;
    clearTimeout(force);
  }

  private startLater(): void {
    this.restarts += 1;
    this.timer = setTimeout(() => this.start(), this.backOffMs);
    this.backOffMs = Math.min(this.backOffMs * 2, LAST_BACK_OFF_MS);
  }
}

/** Its own session: a Ctrl-C at the terminal reaches the supervisor alone, which then stops all in their order. */
export function spawnDetached({ command, args, env, logFile }: PartOptions): ChildProcess {
  const log = openSync(logFile, 'a');
  const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log], env: env() });
  closeSync(log);
  // Without a listener a failed start would end the supervisor; the exit that follows is handled as any other.
  child.once('error', () => child.emit('exit', null, null));
  return child;
}
