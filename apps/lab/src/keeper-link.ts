import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { StepFailed } from './errors';

/** What the keeper cannot find out by itself. The newest note counts. */
export interface KeeperNote {
  /** Folders and files to remove, last of all. */
  remove: string[];
}

/** The supervisor's end of the pipe to its keeper. */
export class KeeperLink {
  private constructor(
    private readonly child: ChildProcess,
    /** The n of this fleet's 127.<n>.0.0/16. */
    readonly block: number,
  ) {}

  static async start(runId: string, logFile: string): Promise<KeeperLink> {
    const log = openSync(logFile, 'a');
    const child = spawn(process.execPath, [join(__dirname, 'keeper.js'), runId], {
      detached: true,
      stdio: ['pipe', 'pipe', log],
    });
    const first = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout! }).once('line', resolve);
      child.once('exit', (code) => reject(new StepFailed(`the keeper ended with ${code}`, { logFile })));
    });
    return new KeeperLink(child, (JSON.parse(first) as { block: number }).block);
  }

  tell(note: KeeperNote): void {
    this.child.stdin?.write(`${JSON.stringify(note)}\n`);
  }

  /** Lets go: the keeper sweeps and removes, and is gone when this returns. */
  async release(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin?.end();
    await gone;
  }
}
