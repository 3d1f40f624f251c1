import type { ClusterId, Instant, SystemId, TaskId } from '@holdfast/contracts';
import { bindDecider, type EventStore, StreamConflict, type Streams, type Tx } from '@holdfast/event-store';
import { InvariantBroken } from '@holdfast/kernel';
import { Injectable } from '@nestjs/common';
import { grantsFor } from './domain/grants.policy';
import { nextLook } from './domain/next-look';
import { type Known, type RoutingTable, type TableEvent } from './domain/routing-table';
import { routingTableDecider, type TableAction, type TableCommand } from './domain/routing-table.decider';
import type { TaskFact } from './domain/task-facts';
import { type System, type SystemCommand, systemDecider, type SystemEvent } from './domain/system.decider';
import { incarnationsOf } from './fleet-rows';
import { PlacementMetrics } from './placement-metrics';

/** A disagreement that outlives so many fresh looks is no race. */
const RACES_AT_MOST = 10;

/** A timer of the routing table's stream: look at the task again. */
export interface CheckTaskTimer {
  readonly type: 'CheckTask';
  readonly clusterId: ClusterId;
  readonly taskId: TaskId;
}

interface Told {
  readonly clusterId: ClusterId;
  readonly at: Instant;
}

export interface TableDecision {
  readonly events: TableEvent[];
  readonly table: RoutingTable;
}

/** The two kinds of stream that place systems, decided together: the table says who, the system's stream grants the epoch. */
@Injectable()
export class Placements {
  private readonly tables: Streams<TableCommand, RoutingTable, TableEvent>;
  private readonly metrics = new PlacementMetrics();
  /** How often in a row a system refused what its table ordered. */
  private readonly disagreements = new Map<SystemId, number>();
  private readonly systems: Streams<SystemCommand, System, SystemEvent>;

  constructor(
    store: EventStore,
    private readonly takenMs: number,
  ) {
    this.tables = bindDecider(store, routingTableDecider, {
      ...{ prefix: 'routing-table', shape: 'routing-table-1', partitionKey: (clusterId) => clusterId },
    });
    this.systems = bindDecider(store, systemDecider, {
      ...{ prefix: 'system', shape: 'system-1', partitionKey: (systemId) => systemId },
    });
  }

  /** Decides on a cluster's table; every new order is granted in the same append, or neither is written. */
  async decide(tx: Tx, clusterId: ClusterId, action: TableAction): Promise<TableDecision> {
    const incarnations = await incarnationsOf(tx, clusterId);
    const known: Known = { clusterId, at: new Date().toISOString(), incarnations, takenMs: this.takenMs };
    const { events, state: table } = await this.tables.handle(tx, clusterId, { ...action, ...known });
    for (const command of grantsFor(events)) await this.grant(tx, command);

    const touched = new Set(events.flatMap(({ data }) => ('taskId' in data ? [data.taskId] : [])));
    if (action.type === 'CheckTask') touched.add(action.taskId);
    for (const taskId of touched) lookAgain(tx, { table, taskId, known });
    this.metrics.note(clusterId, table, events);
    return { events, table };
  }

  /** Hears what an agent did with an order. `at` is its clock: the table goes by ours. */
  async hear(tx: Tx, { clusterId, at: _theirs, ...fact }: TaskFact & Told): Promise<void> {
    await this.decide(tx, clusterId, fact);
  }

  async decideSystem(tx: Tx, command: SystemCommand): Promise<{ events: SystemEvent[]; state: System }> {
    return this.systems.handle(tx, command.systemId, command);
  }

  async system(tx: Tx, systemId: string): Promise<System> {
    return (await this.systems.loadIn(tx, systemId)).state;
  }

  async table(clusterId: ClusterId): Promise<RoutingTable> {
    return (await this.tables.load(clusterId)).state;
  }

  private async grant(tx: Tx, command: SystemCommand): Promise<void> {
    const { systemId } = command;
    try {
      await this.systems.handle(tx, systemId, command);
      this.disagreements.delete(systemId);
    } catch (error) {
      if (!(error instanceof InvariantBroken)) throw error;
      throw await this.disagreement(tx, systemId, error);
    }
  }

  /** Table and system were read at two moments, and another decision lies between: decide again on what stands now. */
  private async disagreement(tx: Tx, systemId: SystemId, broken: InvariantBroken): Promise<Error> {
    const times = (this.disagreements.get(systemId) ?? 0) + 1;
    this.disagreements.set(systemId, times);
    if (times > RACES_AT_MOST) return broken;
    const { version } = await this.systems.loadIn(tx, systemId);
    return new StreamConflict({ stream: `system-${systemId}`, expected: null, actual: version });
  }
}

function lookAgain(tx: Tx, { table, taskId, known }: { table: RoutingTable; taskId: TaskId; known: Known }): void {
  const task = table.tasks[taskId];
  const dueAt: Instant | null = task ? nextLook(table, task, known) : null;
  const command: CheckTaskTimer = { type: 'CheckTask', clusterId: known.clusterId, taskId };
  tx.setTimer(`routing-table-${known.clusterId}`, `task-${taskId}`, dueAt, command);
}
