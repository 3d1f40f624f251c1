import type { World } from './world';
import { at, duration, percent, portion, size } from './values';

/** `48 of 128 MiB  37 %  8 MiB/s  about 10 s left`, of a task or of an operation's progress in bytes. */
export function progressOf(told: unknown): string {
  const isBytes = at(told, 'unit') === 'bytes';
  const done = at(told, isBytes ? 'done' : 'doneBytes');
  const total = at(told, isBytes ? 'total' : 'totalBytes');
  const rate = at(told, isBytes ? 'perSec' : 'bytesPerSec');
  if (typeof done !== 'number' || typeof total !== 'number') return '';
  const parts = [portion(done, total), percent(done, total)];
  if (typeof rate !== 'number' || rate <= 0) return parts.join('  ');
  const etaSec = at(told, 'etaSec.p50') ?? (total - done) / rate;
  return [...parts, `${size(rate)}/s`, leftText(Number(etaSec))].join('  ');
}

/** A forecast has no tenths. */
export function leftText(sec: number): string {
  return `about ${sec < 10 ? `${Math.ceil(sec)} s` : duration(sec * 1_000)} left`;
}

const TO_START_AND_CLEAR = '\r\x1b[2K';

/** A phase as a line that stays, and below it, on a terminal, what is done of it in one that is written over. */
export class LiveLine {
  #phase = '';
  #progress = '';

  constructor(private readonly world: Pick<World, 'terminal' | 'columns' | 'out'>) {}

  show(phase: string, progress: string): void {
    if (phase === this.#phase && progress === this.#progress) return;
    const { terminal, columns, out } = this.world;
    if (!terminal) out(`${progress ? `${phase}: ${progress}` : phase}\n`);
    else {
      if (phase !== this.#phase) out(`${this.#progress ? TO_START_AND_CLEAR : ''}${phase}\n`);
      // One that wraps could not be written over.
      if (progress) out(TO_START_AND_CLEAR + `  ${progress}`.slice(0, columns - 1));
    }
    this.#phase = phase;
    this.#progress = progress;
  }

  /** What comes next begins on a line of its own. */
  end(): void {
    if (this.world.terminal && this.#progress) this.world.out(TO_START_AND_CLEAR);
  }
}
