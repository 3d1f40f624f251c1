import type { ClusterId, NodeId } from '@holdfast/contracts';
import { bindDecider, type EventContext, type EventStore, type Streams, type Tx } from '@holdfast/event-store';
import { clusterHealthDecider } from './domain/cluster-health.decider';
import { initialHealth, type ClusterHealth, type HealthEvent } from './domain/cluster-health';
import type { HealthCommand } from './domain/commands';
import type { Roster } from './domain/roster';
import { tellMetrics } from './metrics';

const PREFIX = 'cluster-health';

/** The health of each cluster: its stream, and where it stands as this process knows it. */
export class Clusters {
  private readonly streams: Streams<HealthCommand, ClusterHealth, HealthEvent>;
  private readonly known = new Map<ClusterId, { state: ClusterHealth; version: number }>();

  constructor(
    private readonly store: EventStore,
    readonly roster: Roster,
  ) {
    this.streams = bindDecider(store, clusterHealthDecider, {
      prefix: PREFIX,
      shape: '3',
      partitionKey: (clusterId) => clusterId,
    });
  }

  /** Who is watched, and as what: told by the streams alone, whoever wrote them. */
  async load(): Promise<void> {
    for (const { key } of await this.store.streams(PREFIX)) {
      const clusterId = key.slice(PREFIX.length + 1) as ClusterId;
      this.keep(clusterId, await this.streams.load(clusterId));
    }
  }

  stateOf(clusterId: ClusterId): ClusterHealth {
    return this.known.get(clusterId)?.state ?? initialHealth;
  }

  get ids(): ClusterId[] {
    return [...this.known.keys()];
  }

  /**
   * Decides in memory first: of thousands of looks at the log nearly all change nothing, and cost no transaction. What
   * they would change is decided again on the stream.
   */
  async handle(command: HealthCommand, context: EventContext = {}): Promise<void> {
    const { clusterId } = command;
    if (clusterHealthDecider.decide(command, this.stateOf(clusterId)).length === 0) return;
    await this.store.inTransaction((tx) => this.handleIn(tx, command), { context });
  }

  /** In somebody's transaction: what it leads to is known here from its commit on, and never if it rolls back. */
  async handleIn(tx: Tx, command: HealthCommand): Promise<void> {
    const decided = await this.streams.handle(tx, command.clusterId, command);
    tx.onCommit(() => {
      this.keep(command.clusterId, decided);
      tellMetrics(decided.events);
    });
  }

  private keep(clusterId: ClusterId, now: { state: ClusterHealth; version: number }): void {
    // Partitions are taken side by side, and commits may overtake each other; the stream does not go back.
    if (now.version < (this.known.get(clusterId)?.version ?? 0)) return;
    this.known.set(clusterId, { state: now.state, version: now.version });
    this.roster.set(clusterId, Object.keys(now.state.nodes) as NodeId[]);
  }
}
