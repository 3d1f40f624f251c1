/** Everything outside the program that a verb may touch, so that specs can hand in another. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly columns: number;
  readonly colour: boolean;
  /** Somebody is there to read a redrawn table, and to be asked. */
  readonly terminal: boolean;
  out(text: string): void;
  err(text: string): void;
  now(): number;
  /** Ctrl-C. What is watched ends well. */
  readonly interrupted: AbortSignal;
  readInput(): Promise<string>;
}

/** Wide enough for every table, and what a terminal of a split screen still has. */
const DEFAULT_COLUMNS = 100;

export function realWorld(): World {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  process.once('SIGTERM', () => interrupt.abort());
  // `holdfast get nodes | head -1` is no failure.
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));
  return {
    env: process.env,
    // A terminal without a size says 0.
    columns: process.stdout.columns || DEFAULT_COLUMNS,
    colour: process.stdout.isTTY === true && !process.env['NO_COLOR'],
    terminal: process.stdout.isTTY === true,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    now: () => Date.now(),
    interrupted: interrupt.signal,
    readInput,
  };
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Waits, unless Ctrl-C comes first. */
export async function pause(world: World, ms: number): Promise<void> {
  if (world.interrupted.aborted) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      world.interrupted.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    world.interrupted.addEventListener('abort', end);
  });
}
