import type { HeartbeatObserved, Incarnation, NodeId, SampleOf } from '@holdfast/contracts';
import { FaultWatch, type Fault } from './impairment';
import { MAX_SAMPLES_PER_SEC } from './numbers';
import { maxEvidenceAgeMs, ProbeTrail, type PeerFinding } from './peer-evidence';
import type { Span } from './reach';
import { BeatWindow, isLate } from './silence';

export type Heartbeat = SampleOf<typeof HeartbeatObserved>['data'];

/** What the memory says of one node at one moment of the log clock. */
export interface NodeMeasure {
  readonly nodeId: NodeId;
  /** Its last beat, or null when the memory holds none. */
  readonly beat: { readonly incarnation: Incarnation; readonly seq: number; readonly atMs: number } | null;
  /** When the next beat is due. */
  readonly expectedMs: number | null;
  /** The last three beats, if they came without a hole. */
  readonly row: { readonly sinceMs: number; readonly ownPauseMs: number } | null;
  /** When a beat last ended a lateness. */
  readonly lateUntilMs: number | null;
  /** Since when it beats, in one incarnation and without having been late. */
  readonly beatsFromMs: number | null;
  readonly fault: Fault | null;
  readonly faultToldMs: number | null;
  readonly peers: readonly PeerFinding[];
  /** When too many peers at once failed to reach it, within the memory. */
  readonly unreached: readonly Span[];
}

/** The memory of one node's beats, and of what it saw of its peers. */
export class NodeObserver {
  private beats = new BeatWindow();
  private readonly faults = new FaultWatch();
  private readonly trails = new Map<NodeId, ProbeTrail>();
  private readonly past = new Set<Incarnation>();
  private incarnation: Incarnation | null = null;
  private lateUntilMs: number | null = null;
  private beatsFromMs: number | null = null;
  private second = { startMs: 0, count: 0 };

  constructor(
    private readonly nodeId: NodeId,
    private readonly alphaMs: number,
  ) {}

  /** False when this node has sent more in this second of the log than any agent would. */
  mayFold(atMs: number): boolean {
    const startMs = Math.floor(atMs / 1_000) * 1_000;
    if (startMs !== this.second.startMs) this.second = { startMs, count: 0 };
    this.second.count += 1;
    return this.second.count <= MAX_SAMPLES_PER_SEC;
  }

  /** An incarnation that another one followed is over, and a beat is told once. */
  isReplayed({ incarnation, seq }: Heartbeat): boolean {
    if (this.past.has(incarnation)) return true;
    return incarnation === this.incarnation && seq <= (this.beats.last?.seq ?? -1);
  }

  fold(beat: Heartbeat, atMs: number): void {
    const { alphaMs } = this;
    if (this.beats.last && isLate({ fromMs: this.beats.expectedMs(atMs), alphaMs }, atMs)) this.lateUntilMs = atMs;
    if (beat.incarnation !== this.incarnation) this.begin(beat.incarnation);
    if (!this.beats.last || this.lateUntilMs === atMs) this.beatsFromMs = atMs;
    this.beats.add({ seq: beat.seq, atMs, ownPauseMs: beat.ownPauseMs });
    this.faults.add(beat, atMs);
    for (const probe of beat.probes) this.trailOf(probe.nodeId).add(probe.outcome, atMs - probe.ageMs);
  }

  measure(nowMs: number): Omit<NodeMeasure, 'peers' | 'unreached'> {
    const { nodeId, incarnation, lateUntilMs, beatsFromMs } = this;
    const { last } = this.beats;
    return {
      nodeId,
      beat: last && incarnation ? { incarnation, seq: last.seq, atMs: last.atMs } : null,
      expectedMs: last ? this.beats.expectedMs(nowMs) : null,
      row: this.beats.row(),
      lateUntilMs,
      beatsFromMs,
      fault: this.faults.current,
      faultToldMs: this.faults.lastToldMs,
    };
  }

  /** What this node, as a prober, says of others that is still fresh. */
  *findings(nowMs: number): Generator<{ of: NodeId; finding: PeerFinding }> {
    for (const [of, trail] of this.trails) {
      const finding = of === this.nodeId ? null : trail.at(nowMs, this.nodeId);
      if (finding) yield { of, finding };
    }
  }

  /** When this node, as a prober, failed to reach another. */
  *unreached(): Generator<{ of: NodeId; spans: readonly Span[] }> {
    for (const [of, { unreached }] of this.trails) if (of !== this.nodeId) yield { of, spans: unreached };
  }

  private begin(incarnation: Incarnation): void {
    if (this.incarnation) this.past.add(this.incarnation);
    this.incarnation = incarnation;
    this.beats = new BeatWindow();
  }

  private trailOf(nodeId: NodeId): ProbeTrail {
    const trail = this.trails.get(nodeId) ?? new ProbeTrail(maxEvidenceAgeMs(this.alphaMs));
    this.trails.set(nodeId, trail);
    return trail;
  }
}
