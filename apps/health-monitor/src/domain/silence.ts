import { BEATS_TO_RETURN, HEARTBEAT_MS, MEMORY_MS } from './numbers';

interface Beat {
  readonly seq: number;
  /** Append time: the broker's clock, never the node's. */
  readonly atMs: number;
  /** The longest time in which the agent itself did not run. */
  readonly ownPauseMs: number;
}

interface TimedBeat extends Beat {
  /** When beat 0 would have been appended, had this one's delay been everybody's. */
  readonly originMs: number;
}

/** The beats of one incarnation within the memory, and when the next one is due. */
export class BeatWindow {
  private readonly beats: TimedBeat[] = [];
  private originSumMs = 0;

  add(beat: Beat): void {
    const timed = { ...beat, originMs: beat.atMs - HEARTBEAT_MS * beat.seq };
    this.beats.push(timed);
    this.originSumMs += timed.originMs;
    this.forget(beat.atMs);
  }

  get last(): Beat | undefined {
    return this.beats.at(-1);
  }

  /**
   * When the next beat is due, seen from `nowMs`: by the last beat's delay or by the mean one, whichever is kinder.
   * The mean runs over the memory before `nowMs`, all of which a restarted observer reads again: same log, same verdict.
   */
  expectedMs(nowMs: number): number {
    this.forget(nowMs);
    const last = this.beats.at(-1);
    if (!last) return -Infinity;
    const dueMs = Math.max(last.originMs, this.originSumMs / this.beats.length) + HEARTBEAT_MS * (last.seq + 1);
    // A sequence number out of all proportion must not put the next beat off for ever.
    return Math.min(dueMs, last.atMs + 2 * HEARTBEAT_MS);
  }

  /** The last three, if they came one after the other without a hole; else it is not yet steady. */
  row(): { sinceMs: number; ownPauseMs: number } | null {
    const row = this.beats.slice(-BEATS_TO_RETURN);
    const first = row[0];
    const inOrder = row.every((beat, index) => index === 0 || beat.seq === (row[index - 1]?.seq ?? 0) + 1);
    if (!first || row.length < BEATS_TO_RETURN || !inOrder) return null;
    return { sinceMs: first.atMs, ownPauseMs: Math.max(...row.map((beat) => beat.ownPauseMs)) };
  }

  private forget(nowMs: number): void {
    // The last beat stays, however old: silence is counted from it.
    while (this.beats.length > 1 && (this.beats[0]?.atMs ?? nowMs) <= nowMs - MEMORY_MS) {
      this.originSumMs -= this.beats.shift()?.originMs ?? 0;
    }
  }
}

/** What a node's waiting time is measured from: its due beat, or the moment we could see again. */
export interface Waiting {
  readonly fromMs: number;
  readonly alphaMs: number;
}

export const deadlineMs = ({ fromMs, alphaMs }: Waiting): number => fromMs + alphaMs;

/** Silent: the log clock has reached the deadline and no beat was read. */
export const isSilent = (waiting: Waiting, nowMs: number): boolean => nowMs >= deadlineMs(waiting);

/** Late: past half of the waiting time. By the first deadline all victims of one cause are. */
export const isLate = ({ fromMs, alphaMs }: Waiting, nowMs: number): boolean => nowMs > fromMs + alphaMs / 2;
