import {
  topics,
  type EventOf,
  BackupDeletionOrdered,
  PointOrdered,
  ProbePlanIssued,
  StreamHeadsObserved,
  SystemRemovalOrdered,
  TaskAssigned,
  TaskCancelled,
  TaskCompleted,
  TaskMoved,
  TaskRecalled,
} from '@holdfast/contracts';
import {
  isKnown,
  partitionOf,
  readPartition,
  ReplayAsker,
  StreamTracker,
  type Incoming,
  type IncomingEvent,
  type KafkaLink,
  type RecordBatch,
  type StreamHead,
} from '@holdfast/messaging/agent';
import type { Cause, Facts, Speaker } from './facts';
import type { Journal } from './journal';
import type { JournalRecord } from './journal-records';

/** What an agent obeys, and nothing else. */
const contracts = {
  TaskAssigned,
  TaskMoved,
  TaskRecalled,
  TaskCompleted,
  TaskCancelled,
  PointOrdered,
  BackupDeletionOrdered,
  SystemRemovalOrdered,
  ProbePlanIssued,
};
type Contracts = typeof contracts;
export type Obeys = { [Type in keyof Contracts]: (data: EventOf<Contracts[Type]>['data'], cause: Cause) => void };

interface EarsParts {
  kafka: KafkaLink;
  journal: Journal;
  facts: Facts;
  speaker: Speaker;
  obeys: Obeys;
  log(message: string, details?: object): void;
}

const HEARD = [topics.health.name, topics.placement.name, topics.replays.name] as const;

/** Reads the cluster's one partition of each topic, and hands over what this agent obeys, each version once, in order. */
export class Ears {
  /** A stream that cannot go on: the node takes nothing more from it, and says so with each beat. */
  blocked = false;
  private readonly tracker: StreamTracker<IncomingEvent>;
  private readonly asker: ReplayAsker;
  private readonly streams: Set<string>;
  private reader?: { stop(): Promise<void> };

  constructor(private readonly parts: EarsParts) {
    const { clusterId, nodeId } = parts.speaker;
    this.streams = new Set([`cluster-health-${clusterId}`, `routing-table-${clusterId}`]);
    const heads = [...parts.journal.state.heads].map(([stream, { version, id }]): [string, StreamHead] => [
      stream,
      { version, eventId: id, told: version, state: 'flowing' },
    ]);
    // A stream that the journal does not know has said nothing since this journal began.
    this.tracker = new StreamTracker(heads, { adoptUnknown: true });
    const source = `/nodes/${nodeId}`;
    this.asker = new ReplayAsker({ kafka: parts.kafka, consumer: `agent-${nodeId}`, source });
  }

  /** A new journal begins at the end, noted before anything is said: what the node owns will be offered anew. */
  async noteEnds(): Promise<void> {
    const { kafka, journal, speaker } = this.parts;
    const partition = partitionOf(speaker.clusterId, await kafka.partitions());
    const ends: JournalRecord[] = [];
    for (const topic of HEARD) ends.push({ k: 'offset', topic, offset: (await kafka.offsets(topic, partition)).high });
    await journal.append(...ends);
  }

  async start(): Promise<void> {
    const { kafka, journal, speaker } = this.parts;
    kafka.replays.onRefused(async ({ stream, consumer, fromVersion }) => {
      if (consumer === `agent-${speaker.nodeId}` && this.streams.has(stream))
        await this.block(stream, fromVersion, 'HISTORY_MISSING');
    });
    this.reader = await readPartition({
      kafka,
      topics: [...HEARD],
      partitionKey: speaker.clusterId,
      from: Object.fromEntries(journal.state.offsets),
      onBatch: (batch) => this.hear(batch),
    });
  }

  async stop(): Promise<void> {
    this.asker.stop();
    await this.reader?.stop();
  }

  private async hear(batch: RecordBatch): Promise<void> {
    const moved: JournalRecord[] = [];
    for (const record of batch.decoded()) {
      if (record.kind === 'event' && this.streams.has(record.stream)) moved.push(...(await this.offer(record)));
      else if (record.kind === 'sample') await this.overhear(record);
    }
    this.askForHoles(batch.partition);
    const last = batch.records.at(-1);
    if (!last) return;
    const next = String(BigInt(last.offset) + 1n);
    // After the orders' own records, in the same journal: a crash in between hears them once more.
    await this.parts.journal.append(...moved, { k: 'offset', topic: batch.topic, offset: next });
  }

  private async offer(record: IncomingEvent): Promise<JournalRecord[]> {
    const { ready, forked } = this.tracker.offer(record);
    if (forked) await this.block(record.stream, record.version, 'HISTORY_FORKED');
    const moved: JournalRecord[] = [];
    for (const event of ready) {
      const code = this.obey(event);
      if (code) {
        await this.block(event.stream, event.version, code);
        break;
      }
      moved.push({ k: 'head', stream: event.stream, version: event.version, id: event.id });
    }
    return moved;
  }

  /** The code of what is wrong with the event, if anything. */
  private obey(event: IncomingEvent): 'EVENT_UNKNOWN' | 'EVENT_INVALID' | undefined {
    if (!isKnown(event)) return 'EVENT_UNKNOWN';
    if (!(event.type in contracts)) return undefined;
    const type = event.type as keyof Obeys;
    const { success, data } = contracts[type].schema.safeParse(event.data);
    if (!success) return 'EVENT_INVALID';
    const { correlationId, traceparent } = event.meta;
    const cause = { correlationId, causationId: event.id, ...(traceparent && { traceparent }) };
    this.parts.obeys[type](data as never, cause);
    return undefined;
  }

  /** How far the owners say their streams are; and what others ask of us. */
  private async overhear(record: Incoming & { kind: 'sample' }): Promise<void> {
    if (record.topic === topics.replays.name) return this.parts.kafka.replays.hear(record);
    if (record.type !== StreamHeadsObserved.type) return;
    const { success, data } = StreamHeadsObserved.schema.safeParse(record.data);
    for (const { stream, version, eventId } of success ? data.heads : [])
      if (this.streams.has(stream)) this.tracker.tell(stream, version, eventId);
  }

  private askForHoles(partition: number): void {
    const holes = new Map(this.tracker.holes().map((hole) => [hole.stream, hole]));
    for (const stream of this.streams) {
      const hole = holes.get(stream);
      if (hole) this.asker.want(stream, { ...hole, partition, partitionKey: this.parts.speaker.clusterId });
      else this.asker.satisfied(stream);
    }
  }

  private async block(stream: string, version: number, code: string): Promise<void> {
    this.blocked = true;
    this.tracker.block(stream);
    this.parts.log('a stream is blocked', { stream, version, code });
    await this.parts.facts.tell({ type: 'AgentStreamBlocked', data: { stream, version, code } });
  }
}
