import { HeartbeatObserved, LogCanaryObserved, type ClusterId } from '@holdfast/contracts';
import { invariant } from '@holdfast/kernel';
import type { RecordBatch } from '@holdfast/messaging';
import type { Incoming } from '@holdfast/messaging/agent';
import type { Clusters } from './clusters';
import type { JudgeCluster } from './domain/commands';
import { PartitionObserver, type LogRecord, type Measurement } from './domain/partition-observer';
import { PartitionSight, sightCause } from './domain/sight';
import type { Halts } from './halts';
import type { Rejections } from './rejections';

interface ObserverOptions {
  readonly clusters: Clusters;
  readonly halts: Halts;
  readonly rejections: Rejections;
  readonly partitions: number;
  readonly alphaMs: number;
  readonly observerId: string;
  readonly bootId: string;
}

interface Watched {
  readonly memory: PartitionObserver;
  readonly sight: PartitionSight;
}

/** The one observer: reads every partition's samples into memory, and judges its clusters after each record. */
export class Observer {
  private readonly partitions: readonly Watched[];
  private caughtUp: () => void = () => undefined;
  /** Resolves once each partition is read up to this boot's first canary: from then on, what it says is of now. */
  readonly ready = new Promise<void>((resolve) => (this.caughtUp = resolve));

  constructor(readonly o: ObserverOptions) {
    const { alphaMs, bootId, clusters } = o;
    this.partitions = Array.from({ length: o.partitions }, (_, partition) => ({
      memory: new PartitionObserver({ partition, alphaMs, bootId, roster: clusters.roster }),
      sight: new PartitionSight(performance.now()),
    }));
  }

  async take(batch: RecordBatch): Promise<void> {
    const { partition, logAppendTime } = batch;
    const watched = this.on(partition);
    const { memory, sight } = watched;
    // A process that was paused learns first that it was blind, and then what it missed.
    await this.look(partition);
    const before = memory.clock.ms;
    for (const [index, incoming] of batch.decoded().entries()) {
      if (memory.clock.hasRead(incoming.offset)) continue;
      this.remember(watched, incoming, batch.records[index]?.value?.length ?? 0);
      await this.judge(partition);
    }
    const atEnd = BigInt(memory.clock.offset) + 1n >= BigInt(batch.endOffset);
    sight.note({ moved: memory.clock.ms > before, atEnd, logAppendTime }, performance.now());
    if (this.partitions.every((one) => one.memory.isOfNow)) this.caughtUp();
  }

  /** By the process's own clock, for the log's cannot tell that it stands. */
  async look(partition: number): Promise<void> {
    const { memory, sight } = this.on(partition);
    if (!memory.clock.started) return;
    const nowMs = performance.now();
    const blindness = sight.blindness(nowMs);
    const stillMs = this.partitions.map((one) => one.sight.stillMs(nowMs));
    const { alphaMs, clusters } = this.o;
    for (const clusterId of clusters.roster.clustersOn(partition)) {
      const of = { clusterId, atMs: memory.clock.ms };
      if (blindness) await clusters.handle({ type: 'LoseSight', ...of, cause: sightCause(blindness, stillMs) });
      else await clusters.handle({ type: 'RegainSight', ...of, alphaMs });
    }
  }

  async lookAtAll(): Promise<void> {
    for (const partition of this.partitions.keys()) await this.look(partition);
  }

  measure(clusterId: ClusterId): Measurement {
    return this.on(this.o.clusters.roster.partitionOf(clusterId)).memory.measure(clusterId);
  }

  isBlind(clusterId: ClusterId): boolean {
    const { sight } = this.on(this.o.clusters.roster.partitionOf(clusterId));
    return sight.blindness(performance.now()) !== null || this.o.clusters.stateOf(clusterId).sight.lost;
  }

  private async judge(partition: number): Promise<void> {
    const { clusters, halts, observerId, alphaMs } = this.o;
    const { memory } = this.on(partition);
    if (!memory.judges) return;
    for (const clusterId of clusters.roster.clustersOn(partition)) {
      const measurement = memory.measure(clusterId);
      const halted = halts.holds(clusterId);
      const command: JudgeCluster = { type: 'JudgeCluster', clusterId, observerId, alphaMs, halted, measurement };
      await clusters.handle(command);
    }
  }

  private remember({ memory }: Watched, incoming: Incoming, bytes: number): void {
    const { record, unread } = toLogRecord(incoming, bytes);
    const rejection = memory.observe(record) ?? unread;
    if (!rejection) return;
    const sender = incoming.kind === 'sample' ? incoming.subject : 'unknown';
    this.o.rejections.count(rejection, sender);
  }

  private on(partition: number): Watched {
    const watched = this.partitions[partition];
    invariant(watched, `samples have no partition ${partition}`);
    return watched;
  }
}

type Unread = 'invalid' | 'foreignSource';

/** Every record moves the log clock, whatever it holds; what cannot be read does nothing more. */
function toLogRecord(incoming: Incoming, bytes: number): { record: LogRecord; unread: Unread | null } {
  const record = { offset: incoming.offset, appendedAtMs: Date.parse(incoming.appendedAt), bytes };
  if (incoming.kind !== 'sample') return { record, unread: 'invalid' };
  if (incoming.type === LogCanaryObserved.type) {
    const canary = LogCanaryObserved.schema.safeParse(incoming.data);
    return canary.success
      ? { record: { ...record, canaryOf: canary.data.bootId }, unread: null }
      : { record, unread: 'invalid' };
  }
  if (incoming.type !== HeartbeatObserved.type) return { record, unread: null };

  const heartbeat = HeartbeatObserved.schema.safeParse(incoming.data);
  if (!heartbeat.success) return { record, unread: 'invalid' };
  // A node speaks for itself alone, under its own cluster's key.
  const { nodeId, clusterId } = heartbeat.data;
  const ownWords = incoming.source === `/nodes/${nodeId}` && incoming.partitionKey === clusterId;
  return ownWords
    ? { record: { ...record, heartbeat: heartbeat.data }, unread: null }
    : { record, unread: 'foreignSource' };
}
