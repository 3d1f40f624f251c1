import { randomUUID } from 'node:crypto';
import type {
  EventOf,
  AgentStreamBlocked,
  BackupDeleted,
  EpochAheadFound,
  NodeInventoryReported,
  NodeStarted,
  PointFrozen,
  PointRefused,
  SystemRemoved,
  TaskBlocked,
  TaskCheckpointReached,
  TaskDeclined,
  TaskFaulted,
  TaskFinished,
  TaskStopped,
  TaskTaken,
} from '@holdfast/contracts';
import { describeSpan } from '@holdfast/observability';
import type { Journal } from './journal';
import type { Fact, JournalRecord } from './journal-records';

type NodeEvent =
  | EventOf<typeof NodeStarted>
  | EventOf<typeof NodeInventoryReported>
  | EventOf<typeof TaskTaken>
  | EventOf<typeof TaskDeclined>
  | EventOf<typeof TaskBlocked>
  | EventOf<typeof TaskStopped>
  | EventOf<typeof TaskFaulted>
  | EventOf<typeof TaskCheckpointReached>
  | EventOf<typeof TaskFinished>
  | EventOf<typeof BackupDeleted>
  | EventOf<typeof PointFrozen>
  | EventOf<typeof PointRefused>
  | EventOf<typeof SystemRemoved>
  | EventOf<typeof EpochAheadFound>
  | EventOf<typeof AgentStreamBlocked>;

/** Who speaks is added by the teller; branded ids have been checked where they came in. */
export type Unbranded<T> = T extends string ? string : T extends object ? { [K in keyof T]: Unbranded<T[K]> } : T;
type Said<T extends NodeEvent> = T extends NodeEvent
  ? { type: T['type']; data: Unbranded<Omit<T['data'], 'clusterId' | 'nodeId' | 'incarnation' | 'at'>> }
  : never;
type NodeFact = Said<NodeEvent>;

/** What led to a fact: the order's own ids, so that one request can be followed to its last effect. */
export interface Cause {
  correlationId: string;
  causationId: string;
  traceparent?: string;
}

export interface Speaker {
  clusterId: string;
  nodeId: string;
  incarnation: string;
}

/**
 * Facts get their dense versions in the journal and are durable before anybody is told. Kafka takes them from there, in
 * order, whenever it can.
 */
export class Facts {
  private listeners: (() => void)[] = [];
  private nextVersion: number;
  private tail: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly journal: Journal,
    private readonly speaker: Speaker,
    private readonly now: () => Date = () => new Date(),
  ) {
    this.nextVersion = journal.state.version + 1;
  }

  get stream(): string {
    return `agent-${this.speaker.nodeId}-${this.journal.state.journalId}`;
  }

  onTold(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Records that belong to the fact become durable with it. */
  tell(said: NodeFact, cause?: Cause, ...together: JournalRecord[]): Promise<void> {
    // One at a time: a version whose write failed is given to the next fact, so that none is left out.
    const told = this.tail.then(async () => {
      await this.journal.append(...together, { k: 'fact', fact: this.compose(said, cause) });
      this.nextVersion++;
      if (said.type === 'TaskDeclined') describeSpan(refusedFor(said.data.code));
      for (const listener of this.listeners) listener();
    });
    this.tail = told.catch(() => undefined);
    return told;
  }

  private compose({ type, data }: NodeFact, cause?: Cause): Fact {
    const id = randomUUID();
    const at = this.now().toISOString();
    const { correlationId = id, causationId = id } = cause ?? {};
    return {
      version: this.nextVersion,
      id,
      at,
      type,
      data: { ...this.speaker, at, ...data },
      meta: { correlationId, causationId, ...(cause?.traceparent && { traceparent: cause.traceparent }) },
    };
  }
}

/** Of the effect that was to be. */
function refusedFor(code: string) {
  return { 'holdfast.outcome': code === 'STALE_EPOCH' ? 'stale epoch' : 'refused', 'holdfast.error.code': code };
}
