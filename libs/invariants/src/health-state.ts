import type { Told } from './event';

/** So soon after most agents began anew, silence is likely a trace of that. */
const RESTART_MS = 30_000;
/** One cause restarts them within moments; nodes that were killed and repaired one after the other are no such thing. */
const TOGETHER_MS = 5_000;

export interface WatchedNode {
  /** Suspected, or found to be unwell: nobody relies on it, and silence is enough to ask its peers. */
  doubt: { deadlineAt: string | null } | null;
  inMaintenance: boolean;
  /** It was declared down when most agents of its cluster had just begun anew. */
  declaredAfterRestarts: boolean;
}

/** What is known of one cluster's health, by its own stream. */
export class HealthState {
  blind = false;
  frozen = false;
  readonly nodes = new Map<string, WatchedNode>();
  private restarts: { nodeId: string; atMs: number }[] = [];

  node(nodeId: string): WatchedNode {
    const known = this.nodes.get(nodeId) ?? { doubt: null, inMaintenance: false, declaredAfterRestarts: false };
    this.nodes.set(nodeId, known);
    return known;
  }

  advance(event: Told): void {
    switch (event.type) {
      case 'NodeWatched':
        this.node(event.data.nodeId);
        break;
      case 'NodeUnwatched':
        this.nodes.delete(event.data.nodeId);
        break;
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
        this.node(event.data.nodeId).doubt = { deadlineAt: event.data.deadlineAt };
        break;
      case 'NodeFoundIsolated':
      case 'NodeFoundPartitioned':
      case 'NodeFoundImpaired':
        this.node(event.data.nodeId).doubt ??= { deadlineAt: null };
        break;
      case 'NodeSuspicionWithdrawn':
        this.node(event.data.nodeId).doubt = null;
        break;
      case 'NodeDeclaredDown':
        this.node(event.data.nodeId).declaredAfterRestarts = this.mostBeganAnew(Date.parse(event.data.at));
        break;
      case 'NodeRecovered':
        Object.assign(this.node(event.data.nodeId), { doubt: null, declaredAfterRestarts: false });
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

  private mostBeganAnew(atMs: number): boolean {
    this.restarts = this.restarts.filter((restart) => atMs - restart.atMs <= RESTART_MS);
    return this.restarts.some(({ atMs: firstMs }) => {
      const together = this.restarts.filter((one) => one.atMs >= firstMs && one.atMs - firstMs <= TOGETHER_MS);
      return new Set(together.map(({ nodeId }) => nodeId)).size > this.nodes.size / 2;
    });
  }
}
