import type { Told } from './event';

/** So soon after many agents began anew, silence is likely a trace of that. */
const RESTART_MS = 30_000;
const MANY = 2;

export interface WatchedNode {
  /** Of the suspicion that stands. */
  deadlineAt: string | null;
  inMaintenance: boolean;
  /** It was declared down while many agents had just begun anew. */
  declaredAfterRestarts: boolean;
}

/** What is known of one cluster's health, by its own stream. */
export class HealthState {
  blind = false;
  frozen = false;
  readonly nodes = new Map<string, WatchedNode>();
  private restarts: { nodeId: string; atMs: number }[] = [];

  node(nodeId: string): WatchedNode {
    const known = this.nodes.get(nodeId) ?? { deadlineAt: null, inMaintenance: false, declaredAfterRestarts: false };
    this.nodes.set(nodeId, known);
    return known;
  }

  advance(event: Told): void {
    switch (event.type) {
      case 'ClusterSightLost':
        this.blind = true;
        break;
      case 'ClusterSightRegained':
        this.blind = false;
        break;
      case 'ClusterFrozen':
        this.frozen = true;
        break;
      case 'ClusterThawed':
        this.frozen = false;
        break;
      case 'NodeSuspected':
        this.node(event.data.nodeId).deadlineAt = event.data.deadlineAt;
        break;
      case 'NodeSuspicionWithdrawn':
        this.node(event.data.nodeId).deadlineAt = null;
        break;
      case 'NodeDeclaredDown':
        this.node(event.data.nodeId).declaredAfterRestarts = this.restartedBefore(Date.parse(event.data.at)) >= MANY;
        break;
      case 'NodeRecovered':
        Object.assign(this.node(event.data.nodeId), { deadlineAt: null, declaredAfterRestarts: false });
        break;
      case 'NodeMaintenanceStarted':
        this.node(event.data.nodeId).inMaintenance = true;
        break;
      case 'NodeMaintenanceEnded':
        this.node(event.data.nodeId).inMaintenance = false;
        break;
      case 'NodeRestarted':
        this.restarts.push({ nodeId: event.data.nodeId, atMs: Date.parse(event.data.at) });
        break;
      default:
    }
  }

  private restartedBefore(atMs: number): number {
    this.restarts = this.restarts.filter((restart) => atMs - restart.atMs <= RESTART_MS);
    return new Set(this.restarts.map(({ nodeId }) => nodeId)).size;
  }
}
