import type { EventOf, NodeFoundImpaired, SampleOf, HeartbeatObserved } from '@holdfast/contracts';
import { WATCHDOG_GRACE_MS } from './numbers';

type Heartbeat = SampleOf<typeof HeartbeatObserved>['data'];
type Part = EventOf<typeof NodeFoundImpaired>['data']['part'];

export interface Fault {
  readonly part: Part;
  readonly code: string;
}

/** Systems move off a node without engine or medium; the other two only close it. */
const gravity: Record<Part, number> = { engine: 4, media: 3, agent: 2, watchdog: 1 };

export const isGraver = (fault: Fault, than: Fault | null): boolean =>
  than === null || gravity[fault.part] > gravity[than.part];

/** What a beating node says about itself, the gravest first; `handingOver` is work, not a fault. */
function reportedFault(beat: Heartbeat): Fault | null {
  if (beat.engine.state === 'dead') return { part: 'engine', code: 'ENGINE_DEAD' };
  if (beat.media.some(({ state }) => state === 'dead')) return { part: 'media', code: 'MEDIUM_DEAD' };
  if (beat.engine.state === 'blocked') return { part: 'agent', code: 'AGENT_BLOCKED' };
  if (beat.engine.state === 'journalFailed') return { part: 'agent', code: 'JOURNAL_FAILED' };
  return null;
}

/** Folds the faults that beats report, and since when there is none. */
export class FaultWatch {
  private reported: Fault | null = null;
  private lastFaultMs: number | null = null;
  private watchdogGoneMs: number | null = null;
  private lastBeatMs = -Infinity;

  add(beat: Heartbeat, atMs: number): void {
    this.lastBeatMs = atMs;
    this.watchdogGoneMs = beat.watchdogAlive ? null : (this.watchdogGoneMs ?? atMs);
    this.reported = reportedFault(beat);
    if (this.current) this.lastFaultMs = atMs;
  }

  get current(): Fault | null {
    if (this.reported) return this.reported;
    const goneMs = this.watchdogGoneMs === null ? 0 : this.lastBeatMs - this.watchdogGoneMs;
    return goneMs >= WATCHDOG_GRACE_MS ? { part: 'watchdog', code: 'WATCHDOG_DEAD' } : null;
  }

  /** The last beat that told of a fault; null when none in memory did. */
  get lastToldMs(): number | null {
    return this.lastFaultMs;
  }
}
