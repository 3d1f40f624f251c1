/** How far a consumer is in one stream. */
export interface StreamHead {
  /** The last version applied; 0: none. */
  readonly version: number;
  /** Its event's id tells a repeated record from another history. Null: not known, so not compared. */
  readonly eventId: string | null;
  /** The highest version that anybody told of. */
  readonly told: number;
  readonly state: 'flowing' | 'gap' | 'blocked';
}

export const unknownStream: StreamHead = { version: 0, eventId: null, told: 0, state: 'flowing' };

export interface Versioned {
  readonly version: number;
  readonly id: string;
}

/**
 * What to do with a record, and why nothing is lost or doubled: the next version is applied, an older one was, a later
 * one waits until those between have come. A blocked stream lets nothing through.
 */
export type Verdict = 'apply' | 'seen' | 'wait' | 'forked';

export function verdictOn(head: StreamHead, { version, id }: Versioned): Verdict {
  if (version === head.version && head.eventId !== null && id !== head.eventId) return 'forked';
  if (version <= head.version) return 'seen';
  return version === head.version + 1 && head.state !== 'blocked' ? 'apply' : 'wait';
}

/** The head after this event: flowing again once nothing that was told of is missing. */
export function afterApplying(head: StreamHead, { version, id }: Versioned): StreamHead {
  const told = Math.max(head.told, version);
  return { version, eventId: id, told, state: version >= told ? 'flowing' : 'gap' };
}

/** Somebody told that the stream is at this version. */
export function afterHearingOf(head: StreamHead, version: number): StreamHead {
  if (version <= head.told) return head;
  const behind = version > head.version && head.state === 'flowing';
  return { ...head, told: version, state: behind ? 'gap' : head.state };
}

export function afterBlocking(head: StreamHead): StreamHead {
  return { ...head, state: 'blocked' };
}

/** A blocked stream may go on: from what was parked, or from what is asked for. */
export function afterUnblocking(head: StreamHead): StreamHead {
  return { ...head, state: head.told > head.version ? 'gap' : 'flowing' };
}

/** What is neither applied nor waiting here, up to what was told: the first hole, for the next one may close with it. */
export function firstHole(head: StreamHead, waiting: readonly number[]): { from: number; to: number } | null {
  if (head.state !== 'gap') return null;
  const next = Math.min(...waiting.filter((version) => version > head.version), head.told + 1);
  return next > head.version + 1 ? { from: head.version + 1, to: next - 1 } : null;
}
