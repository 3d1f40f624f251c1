import type { NodeHealth, HealthEvent } from './cluster-health';
import type { JudgeCluster } from './commands';
import { ISOLATION_GONE_MS, TROUBLE_GONE_MS } from './numbers';
import { toInstant, type Scene, type Standing } from './standing';
import { holdMs } from './way-back';

/** Which nodes are healthy, for the first time or again. */
export function recover({ clusterId, measurement }: JudgeCluster, { atMs, standings }: Scene): HealthEvent[] {
  const at = toInstant(atMs);
  const memoryFromMs = measurement.memoryFromMs;
  return standings.flatMap((standing): HealthEvent[] => {
    const { node, measure, late } = standing;
    if (!measure.beat) return [];
    if (node.status === 'suspect') {
      if (standing.silent || measure.beat.atMs <= (node.lastHeartbeatMs ?? 0)) return [];
      return [{ type: 'NodeSuspicionWithdrawn', data: { clusterId, at, nodeId: node.nodeId, reason: 'heartbeat' } }];
    }
    if (late || !mayReturn(standing, { atMs, memoryFromMs })) return [];
    const { nodeId, status: fromStatus } = node;
    const { incarnation } = measure.beat;
    const hold = { holdMs: fromStatus === 'down' ? holdMs(node.downsMs, atMs) : 0 };
    const pause = { ownPauseMs: measure.row?.ownPauseMs ?? 0, declaredWrongly: wasDeclaredWrongly(standing) };
    return [{ type: 'NodeRecovered', data: { clusterId, at, nodeId, fromStatus, incarnation, ...hold, ...pause } }];
  });
}

function mayReturn({ node, measure, lateUntilMs }: Standing, now: { atMs: number; memoryFromMs: number }): boolean {
  const goneMs = (sinceMs: number | null): number => now.atMs - Math.max(sinceMs ?? -Infinity, now.memoryFromMs);
  switch (node.status) {
    case 'joining':
      return true;
    case 'down':
      return measure.row !== null && measure.row.sinceMs > node.sinceMs;
    case 'isolated':
      return (measure.beat?.atMs ?? 0) > node.sinceMs && goneMs(lateUntilMs) >= ISOLATION_GONE_MS;
    case 'impaired':
    case 'partitioned': {
      // Both must be gone: out of the one it must not open in the middle of the other.
      const unreachedUntilMs = measure.unreached.at(-1)?.toMs ?? -Infinity;
      return goneMs(Math.max(measure.faultToldMs ?? -Infinity, unreachedUntilMs)) >= TROUBLE_GONE_MS;
    }
    case 'healthy':
    case 'suspect':
      return false;
  }
}

/** It ran all the while: its own pause does not explain the silence. A new incarnation explains it. */
function wasDeclaredWrongly({ node, measure }: Standing): boolean {
  if (!isDeadByUs(node) || !measure.row || node.declaredIncarnation !== measure.beat?.incarnation) return false;
  return measure.row.ownPauseMs < measure.row.sinceMs - (node.lastHeartbeatMs ?? node.sinceMs);
}

const isDeadByUs = ({ status, byOperator }: NodeHealth): boolean => status === 'down' && !byOperator;
