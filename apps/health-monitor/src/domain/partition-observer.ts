import type { ClusterId, NodeId } from '@holdfast/contracts';
import { LogClock } from './log-clock';
import { NodeObserver, type Heartbeat, type NodeMeasure } from './node-observer';
import { MAX_SAMPLE_BYTES, PEERS_TO_PARTITION } from './numbers';
import type { PeerFinding } from './peer-evidence';
import { heldTogether, type Span } from './reach';
import type { Roster } from './roster';

/** One record of the samples' partition. Whatever it holds, it moves the log clock. */
export interface LogRecord {
  readonly offset: string;
  readonly appendedAtMs: number;
  readonly bytes: number;
  readonly heartbeat?: Heartbeat;
  /** The boot of the observer whose canary this is. */
  readonly canaryOf?: string;
}

export type Rejection = 'unknownNode' | 'foreignCluster' | 'wrongPartition' | 'tooLarge' | 'tooOften' | 'replayed';

/** What the log says of a cluster at one moment of its clock: all that a judgement needs. */
export interface Measurement {
  readonly atMs: number;
  readonly memoryFromMs: number;
  readonly settled: boolean;
  readonly watermark: { readonly partition: number; readonly offset: string };
  readonly nodes: readonly NodeMeasure[];
}

/**
 * The memory of one partition, folded record by record: how records were batched, how fast they came and when reading
 * began make no difference. It drops what no rule may see.
 */
export class PartitionObserver {
  readonly clock = new LogClock();
  private readonly nodes = new Map<NodeId, NodeObserver>();
  private ofNow = false;

  constructor(private readonly o: { partition: number; alphaMs: number; bootId: string; roster: Roster }) {}

  observe(record: LogRecord): Rejection | null {
    this.clock.advance(record.offset, record.appendedAtMs);
    if (record.canaryOf === this.o.bootId) this.ofNow = true;
    const { heartbeat } = record;
    if (!heartbeat) return null;

    const rejection = this.admit(heartbeat, record.bytes);
    // On the log clock: a broker that stepped back must not make a beat look older than what was read before it.
    if (!rejection) this.observerOf(heartbeat.nodeId).fold(heartbeat, this.clock.ms);
    return rejection;
  }

  /** Our own canary has come back: what was appended before this boot is read. */
  get isOfNow(): boolean {
    return this.ofNow;
  }

  /**
   * What lies before our own first canary is the past: read for memory, judged by whoever ran then. And nobody is
   * judged before the observer has watched for one waiting time.
   */
  get judges(): boolean {
    return this.ofNow && this.clock.ms >= this.clock.memoryFromMs + this.o.alphaMs;
  }

  measure(cluster: ClusterId): Measurement {
    const { ms, offset, settled, memoryFromMs } = this.clock;
    const members = this.o.roster.nodesOf(cluster);
    const peers = this.peersOf(members, ms);
    const unreached = this.unreachedOf(members);
    const nodes = members.map((nodeId) => ({
      ...this.observerOf(nodeId).measure(ms),
      peers: peers.get(nodeId) ?? [],
      unreached: unreached.get(nodeId) ?? [],
    }));
    return { atMs: ms, memoryFromMs, settled, watermark: { partition: this.o.partition, offset }, nodes };
  }

  private admit(beat: Heartbeat, bytes: number): Rejection | null {
    const cluster = this.o.roster.clusterOf(beat.nodeId);
    if (!cluster) return 'unknownNode';
    if (cluster !== beat.clusterId) return 'foreignCluster';
    if (this.o.roster.partitionOf(cluster) !== this.o.partition) return 'wrongPartition';
    if (bytes > MAX_SAMPLE_BYTES) return 'tooLarge';
    const observer = this.observerOf(beat.nodeId);
    if (!observer.mayFold(this.clock.ms)) return 'tooOften';
    return observer.isReplayed(beat) ? 'replayed' : null;
  }

  private peersOf(members: readonly NodeId[], nowMs: number): Map<NodeId, PeerFinding[]> {
    const peers = new Map<NodeId, PeerFinding[]>();
    for (const prober of members) {
      for (const { of, finding } of this.observerOf(prober).findings(nowMs)) {
        peers.set(of, [...(peers.get(of) ?? []), finding]);
      }
    }
    return peers;
  }

  /** Two peers must fail at once; in a cluster of two, the one there is. */
  private unreachedOf(members: readonly NodeId[]): Map<NodeId, Span[]> {
    const trails = new Map<NodeId, (readonly Span[])[]>();
    for (const prober of members) {
      for (const { of, spans } of this.observerOf(prober).unreached()) {
        if (spans.length > 0) trails.set(of, [...(trails.get(of) ?? []), spans]);
      }
    }
    const needed = Math.min(PEERS_TO_PARTITION, members.length - 1);
    return new Map([...trails].map(([nodeId, of]) => [nodeId, heldTogether(of, needed)]));
  }

  private observerOf(nodeId: NodeId): NodeObserver {
    const observer = this.nodes.get(nodeId) ?? new NodeObserver(nodeId, this.o.alphaMs);
    this.nodes.set(nodeId, observer);
    return observer;
  }
}
