import { counter, gauge, histogram } from '@holdfast/observability';
import type { HealthEvent } from './domain/cluster-health';

const detectionSeconds = () =>
  histogram('detection_seconds', 'Silence of a node until it was declared down', ['cluster']);
export const rejectedMessages = () =>
  counter('rejected_messages_total', 'Records that nobody may act on', ['topic', 'reason']);
export const nodeSuspicion = () =>
  gauge('node_suspicion', 'Share of its waiting time that a node has used', ['cluster', 'node']);
export const healthBlind = () => gauge('health_blind', '1 while the observer cannot see a cluster', ['cluster']);
export const healthFrozen = () => gauge('health_frozen', '1 while a cluster is frozen', ['cluster']);

export function tellMetrics(events: readonly HealthEvent[]): void {
  for (const { type, data } of events) {
    if (type !== 'NodeDeclaredDown' || data.reason !== 'heartbeatTimeout' || data.silentMs === null) continue;
    detectionSeconds().observe({ cluster: data.clusterId }, data.silentMs / 1_000);
  }
}
