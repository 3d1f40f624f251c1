import type { EventOf, SampleOf, TaskCheckpointReached, TaskProgressObserved } from '@holdfast/contracts';

export type ProgressSample = Pick<
  SampleOf<typeof TaskProgressObserved>['data'],
  'doneBytes' | 'totalBytes' | 'bytesPerSec'
>;
export type TaskSample = ProgressSample & { taskId: string; epoch: number };
export type Checkpoint = Pick<EventOf<typeof TaskCheckpointReached>['data'], 'token' | 'doneBytes' | 'totalBytes'>;

interface ProgressParts {
  /** Each second. */
  observed(sample: ProgressSample): void;
  /** Each 10 s or 5 %. */
  reached(checkpoint: Checkpoint): void;
  nowMs?: () => number;
}

const EVERY_MS = 1_000;
const RATE_OVER_MS = 5_000;
const CHECKPOINT_MS = 10_000;
const CHECKPOINT_SHARE = 0.05;

/** How far one attempt has come. Only what is sealed is done; but that it comes forward is seen between two seals too. */
export class Progress {
  token: string | null = null;
  private inHandBytes = 0;
  private timer?: NodeJS.Timeout;
  private readonly nowMs: () => number;
  private readonly seen: { atMs: number; doneBytes: number }[] = [];
  private last: { atMs: number; doneBytes: number };

  readonly totalBytes: number;
  doneBytes: number;

  constructor(
    { totalBytes, doneBytes = 0 }: { totalBytes: number; doneBytes?: number },
    private readonly parts: ProgressParts,
  ) {
    this.totalBytes = totalBytes;
    this.doneBytes = doneBytes;
    this.nowMs = parts.nowMs ?? (() => performance.now());
    this.last = { atMs: this.nowMs(), doneBytes };
  }

  start(): void {
    this.observe();
    this.timer = setInterval(() => this.observe(), EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Of the piece in hand: at a low rate it takes longer than anybody waits for a sign of life. */
  read(bytes: number): void {
    this.inHandBytes += bytes;
  }

  /** What the attempt before had sealed and this one need not do again counts as done. */
  advance(bytes: number, token: string): void {
    this.inHandBytes = 0;
    this.doneBytes += bytes;
    this.token = token;
    const { doneBytes, totalBytes } = this;
    const now = { atMs: this.nowMs(), doneBytes };
    // The end is told as the end.
    if (doneBytes === totalBytes || !isCheckpoint(this.last, now, totalBytes)) return;
    this.last = now;
    this.parts.reached({ token, doneBytes, totalBytes });
  }

  observe(): void {
    const { totalBytes, seen } = this;
    const doneBytes = Math.min(this.doneBytes + this.inHandBytes, totalBytes);
    const now = { atMs: this.nowMs(), doneBytes };
    seen.push(now);
    while (seen.length > 2 && now.atMs - seen[1]!.atMs >= RATE_OVER_MS) seen.shift();
    const { atMs, doneBytes: before } = seen[0]!;
    const bytesPerSec = now.atMs > atMs ? ((doneBytes - before) * 1_000) / (now.atMs - atMs) : 0;
    this.parts.observed({ doneBytes, totalBytes, bytesPerSec });
  }
}

interface Moment {
  atMs: number;
  doneBytes: number;
}

export function isCheckpoint(last: Moment, now: Moment, totalBytes: number): boolean {
  if (now.doneBytes === last.doneBytes) return false;
  return now.atMs - last.atMs >= CHECKPOINT_MS || now.doneBytes - last.doneBytes >= totalBytes * CHECKPOINT_SHARE;
}
