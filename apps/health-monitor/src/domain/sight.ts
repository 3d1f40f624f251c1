import { BLIND_MS } from './numbers';

type Blindness = 'still' | 'behind' | 'timestampType';

/** What a fetch says about the reading of one partition. */
export interface Reading {
  readonly moved: boolean;
  readonly atEnd: boolean;
  readonly logAppendTime: boolean;
}

/**
 * Whether the observer sees one partition, by the process's own monotonic clock: the log's cannot tell that it stands.
 * A process that was paused itself finds on waking that it was blind, which it was.
 */
export class PartitionSight {
  private movedMs: number;
  private atEndMs: number;
  private logAppendTime = true;

  constructor(nowMs: number) {
    this.movedMs = nowMs;
    this.atEndMs = nowMs;
  }

  note({ moved, atEnd, logAppendTime }: Reading, nowMs: number): void {
    if (moved) this.movedMs = nowMs;
    if (atEnd) this.atEndMs = nowMs;
    this.logAppendTime = logAppendTime;
  }

  stillMs(nowMs: number): number {
    return nowMs - this.movedMs;
  }

  blindness(nowMs: number): Blindness | null {
    if (!this.logAppendTime) return 'timestampType';
    if (this.stillMs(nowMs) >= BLIND_MS) return 'still';
    return nowMs - this.atEndMs >= BLIND_MS ? 'behind' : null;
  }
}

/** All partitions standing together is the broker, or the way to it. */
export function sightCause(blindness: Blindness, stillMs: readonly number[]): 'partition' | 'broker' | 'timestampType' {
  if (blindness === 'timestampType') return 'timestampType';
  return stillMs.every((ms) => ms >= BLIND_MS / 2) ? 'broker' : 'partition';
}
