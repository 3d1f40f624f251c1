import { topics, type ClusterId, type EventOf, type NodeMaintenanceRequested } from '@holdfast/contracts';
import type { Tx } from '@holdfast/event-store';
import { Inbox, type RecordBatch } from '@holdfast/messaging';
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { Clusters } from './clusters';
import type { HealthCommand } from './domain/commands';
import { Halts } from './halts';
import { Observer } from './observer';

/** What this service hears, and which command it leads to. */
@Controller()
export class HealthMonitorConsumer {
  constructor(
    private readonly inbox: Inbox,
    private readonly observer: Observer,
    private readonly clusters: Clusters,
    private readonly halts: Halts,
  ) {}

  /** Never stored: folded into memory, and judged. */
  @EventPattern(topics.samples.name)
  onSample(@Ctx() batch: RecordBatch): Promise<void> {
    return this.observer.take(batch);
  }

  @EventPattern(topics.requests.name)
  onRequest(@Ctx() batch: RecordBatch): Promise<void> {
    return this.inbox.receive(batch, {
      NodeJoined: ({ data: { clusterId, nodeId, zone, dataAddress } }, tx) =>
        this.decide(tx, { type: 'WatchNode', clusterId, nodeId, zone, dataAddress, atMs: this.nowOf(clusterId) }),
      NodeRetired: ({ data: { clusterId, nodeId } }, tx) =>
        this.decide(tx, { type: 'UnwatchNode', clusterId, nodeId, atMs: this.nowOf(clusterId) }),
      NodeDownRequested: ({ data: { clusterId, nodeId, requestId, poweredOff } }, tx) =>
        this.decide(tx, { type: 'DeclareNodeDown', clusterId, nodeId, requestId, poweredOff, ...this.seen(clusterId) }),
      ClusterThawRequested: ({ data: { clusterId, requestId } }, tx) =>
        this.decide(tx, { type: 'ThawCluster', clusterId, requestId, ...this.seen(clusterId) }),
      NodeMaintenanceRequested: ({ data }, tx) => this.decide(tx, maintenanceOf(data, this.nowOf(data.clusterId))),
      AutomationHalted: ({ data }, tx) => this.halts.halt(tx, data.scope),
      AutomationResumed: ({ data }, tx) => this.halts.resume(tx, data.scope),
    });
  }

  private decide(tx: Tx, command: HealthCommand): Promise<void> {
    return this.clusters.handleIn(tx, command);
  }

  private seen(clusterId: ClusterId) {
    return { measurement: this.observer.measure(clusterId), alphaMs: this.observer.o.alphaMs };
  }

  private nowOf(clusterId: ClusterId): number {
    return this.observer.measure(clusterId).atMs;
  }
}

function maintenanceOf(asked: EventOf<typeof NodeMaintenanceRequested>['data'], atMs: number): HealthCommand {
  const { clusterId, nodeId, requestId, forMs, drain, actor, reason = '' } = asked;
  const of = { clusterId, nodeId, requestId, atMs };
  if (asked.action === 'end') return { type: 'EndMaintenance', ...of };
  return { type: 'StartMaintenance', ...of, forMs, drain, by: actor.tokenId, reason };
}
