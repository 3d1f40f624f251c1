import type { ClusterId, Instant, SystemId } from '@holdfast/contracts';
import { bindDecider, type EventStore, StreamConflict, type Streams, type Tx } from '@holdfast/event-store';
import { InvariantBroken } from '@holdfast/kernel';
import { Injectable } from '@nestjs/common';
import { type Backup, type BackupName, backupOf } from './domain/backups';
import { grantsFor } from './domain/grants.policy';
import type { PointFact } from './domain/points';
import type { Known, RoutingTable, TableEvent } from './domain/routing-table';
import { routingTableDecider, type TableAction, type TableCommand } from './domain/routing-table.decider';
import type { TaskFact } from './domain/task-facts';
import { type System, type SystemCommand, systemDecider, type SystemEvent } from './domain/system.decider';
import { heardOfNodes, clusterIds } from './fleet-rows';
import { LevelWatch } from './level-watch';
import { lookAgain } from './looks';
import { PlacementMetrics } from './placement-metrics';
import { ProgressWatch } from './progress';

/** A disagreement that outlives so many fresh looks is no race. */
const RACES_AT_MOST = 10;

interface Told {
  readonly clusterId: ClusterId;
  readonly at: Instant;
}

interface TableDecision {
  readonly events: TableEvent[];
  readonly table: RoutingTable;
  /** The version of the table that it was decided on. */
  readonly basedOn: number;
}

/** The two kinds of stream that place work, decided together: the table says who, the system's stream grants the epoch. */
@Injectable()
export class Placements {
  private readonly tables: Streams<TableCommand, RoutingTable, TableEvent>;
  private readonly metrics = new PlacementMetrics();
  private readonly levels = new LevelWatch();
  /** How often in a row a system refused what its table ordered. */
  private readonly disagreements = new Map<SystemId, number>();
  private readonly systems: Streams<SystemCommand, System, SystemEvent>;

  constructor(
    store: EventStore,
    private readonly takenMs: number,
    private readonly progress = new ProgressWatch(),
  ) {
    this.tables = bindDecider(store, routingTableDecider, {
      ...{ prefix: 'routing-table', shape: 'routing-table-6', partitionKey: (clusterId) => clusterId },
    });
    this.systems = bindDecider(store, systemDecider, {
      ...{ prefix: 'system', shape: 'system-2', partitionKey: (systemId) => systemId },
    });
  }

  /** Decides on a cluster's table; every new order is granted in the same append, or neither is written. */
  async decide(tx: Tx, clusterId: ClusterId, action: TableAction): Promise<TableDecision> {
    const known = await this.known(tx, clusterId);
    const { events, state: table, version } = await this.tables.handle(tx, clusterId, { ...action, ...known });
    for (const command of grantsFor(events)) await this.grant(tx, command);

    lookAgain(tx, { action, events, table, known });
    this.levels.look(tx, table, known);
    tx.onCommit(() => this.metrics.note(clusterId, table, events));
    return { events, table, basedOn: version - events.length };
  }

  /** The same, on the very table that a plan was made of: if another decision came between, both are made anew. */
  async decideAsPlanned(
    tx: Tx,
    clusterId: ClusterId,
    { version, action }: { version: number; action: TableAction },
  ): Promise<void> {
    const { basedOn } = await this.decide(tx, clusterId, action);
    if (basedOn !== version)
      throw new StreamConflict({ stream: `routing-table-${clusterId}`, expected: version, actual: basedOn });
  }

  /** It has been uneven for a while. */
  async levelByItself(tx: Tx, clusterId: ClusterId): Promise<void> {
    this.levels.isOver(clusterId);
    await this.decide(tx, clusterId, { type: 'LevelByItself' });
  }

  /** What a decision would go by, were one made now. */
  async situation(tx: Tx, clusterId: ClusterId): Promise<{ table: RoutingTable; version: number; known: Known }> {
    const known = await this.known(tx, clusterId);
    const { state: table, version } = await this.tables.loadIn(tx, clusterId);
    return { table, version, known };
  }

  /** Hears what an agent did with an order. `at` is its clock: the table goes by ours. */
  async hear(tx: Tx, { clusterId, at: _theirs, ...fact }: (TaskFact | PointFact) & Told): Promise<void> {
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

  async tableIn(tx: Tx, clusterId: ClusterId): Promise<RoutingTable> {
    return (await this.tables.loadIn(tx, clusterId)).state;
  }

  async backup(tx: Tx, clusterId: ClusterId, name: BackupName): Promise<Backup | undefined> {
    return backupOf(await this.tableIn(tx, clusterId), name);
  }

  /** On the medium of another cluster, and not of this one. */
  async isBackupElsewhere(tx: Tx, clusterId: ClusterId, name: BackupName): Promise<boolean> {
    if (await this.backup(tx, clusterId, name)) return false;
    for (const other of await clusterIds(tx)) if (await this.backup(tx, other, name)) return true;
    return false;
  }

  private async known(tx: Tx, clusterId: ClusterId): Promise<Known> {
    const leftMs = this.progress.leftOf(clusterId);
    return {
      clusterId,
      at: new Date().toISOString(),
      takenMs: this.takenMs,
      leftMs,
      ...(await heardOfNodes(tx, clusterId)),
    };
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
