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
  /** By cluster the version that a transaction of somebody else is about to reach, or has reached unseen. */
  private readonly decided = new Map<ClusterId, number>();
  private readonly known = new Map<ClusterId, { state: ClusterHealth; version: number }>();

  constructor(
    private readonly store: EventStore,
    readonly roster: Roster,
  ) {
    this.streams = bindDecider(store, clusterHealthDecider, {
      prefix: PREFIX,
      shape: '1',
      partitionKey: (clusterId) => clusterId,
    });
  }

  /** Who is watched, and as what: told by the streams alone, whoever wrote them. */
  async load(): Promise<void> {
    for (const { key } of await this.store.streams(PREFIX)) {
      await this.refresh(key.slice(PREFIX.length + 1) as ClusterId);
    }
  }

  /** After somebody else's transaction may have moved the stream. */
  async refresh(clusterId: ClusterId): Promise<void> {
    this.keep(clusterId, await this.streams.load(clusterId));
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
    const { value } = await this.store.inTransaction((tx) => this.streams.handle(tx, clusterId, command), { context });
    this.keep(clusterId, value);
    tellMetrics(value.events);
  }

  /** In somebody's transaction: what it led to is known here after the first `catchUp` behind its commit. */
  async handleIn(tx: Tx, command: HealthCommand): Promise<void> {
    const { version } = await this.streams.handle(tx, command.clusterId, command);
    this.decided.set(command.clusterId, version);
  }

  /** Called often: a transaction may commit after its caller has moved on, for partitions are taken side by side. */
  async catchUp(): Promise<void> {
    for (const [clusterId, version] of this.decided) {
      await this.refresh(clusterId);
      if ((this.known.get(clusterId)?.version ?? 0) >= version) this.decided.delete(clusterId);
    }
  }

  private keep(clusterId: ClusterId, now: { state: ClusterHealth; version: number }): void {
    // Answers may overtake each other; the stream does not go back.
    if (now.version < (this.known.get(clusterId)?.version ?? 0)) return;
    this.known.set(clusterId, { state: now.state, version: now.version });
    this.roster.set(clusterId, Object.keys(now.state.nodes) as NodeId[]);
  }
}
