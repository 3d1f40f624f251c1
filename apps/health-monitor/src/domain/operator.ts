import type { ClusterHealth, HealthEvent } from './cluster-health';
import type { DeclareNodeDown, ThawCluster } from './commands';
import { ATTESTATION_MS } from './numbers';
import { evidenceOf, sceneOf, silentMsOf, toInstant, type Standing } from './standing';

type Refusal = Extract<HealthEvent, { type: 'NodeDownRejected' }>['data']['reason'];

/** A person's word counts where evidence is missing, never against what is seen. */
export function declareDown(command: DeclareNodeDown, state: ClusterHealth): HealthEvent[] {
  const { clusterId, nodeId, requestId, poweredOff } = command;
  const scene = sceneOf(command, state);
  const standing = scene.standings.find(({ node }) => node.nodeId === nodeId);
  const ofNode = { clusterId, at: toInstant(scene.atMs), nodeId };
  const reachedBy = standing ? reachersOf(standing) : [];
  const reason = standing ? refusalOf(standing, poweredOff, scene.atMs) : 'UNKNOWN_NODE';
  if (!standing || reason) {
    return [{ type: 'NodeDownRejected', data: { ...ofNode, requestId, reason: reason ?? 'UNKNOWN_NODE', reachedBy } }];
  }
  const { node, measure, lastHeartbeatMs } = standing;
  const data = {
    ...ofNode,
    reason: 'operatorRequest' as const,
    lastHeartbeatAt: lastHeartbeatMs === null ? null : toInstant(lastHeartbeatMs),
    silentMs: lastHeartbeatMs === null ? null : silentMsOf(standing, scene.atMs),
    incarnation: measure.beat?.incarnation ?? node.incarnation,
    evidence: evidenceOf(standing, 'operator', scene),
    requestId,
  };
  return [{ type: 'NodeDeclaredDown', data }];
}

function refusalOf(standing: Standing, poweredOff: boolean, atMs: number): Refusal | null {
  const { node, measure, silent, waiting } = standing;
  if (node.status === 'down') return 'ALREADY_DOWN';
  if (poweredOff) {
    const beatMs = measure.beat?.atMs ?? -Infinity;
    const contradicted = atMs - beatMs <= ATTESTATION_MS || reachersOf(standing).length > 0;
    return contradicted ? 'ATTESTATION_CONTRADICTED' : null;
  }
  return waiting && !silent ? 'NODE_BEATS' : null;
}

const reachersOf = ({ measure }: Standing) =>
  measure.peers.filter(({ finding }) => finding === 'reaches').map(({ nodeId }) => nodeId);

export function thaw(command: ThawCluster, state: ClusterHealth): HealthEvent[] {
  const { clusterId, requestId, measurement } = command;
  const seen = { clusterId, at: toInstant(measurement.atMs), requestId };
  const reason = refusalToThaw(command, state);
  if (reason) return [{ type: 'ClusterThawRejected', data: { ...seen, reason } }];
  return [{ type: 'ClusterThawed', data: { ...seen, by: 'operator' } }];
}

function refusalToThaw(command: ThawCluster, state: ClusterHealth) {
  if (Object.keys(state.nodes).length === 0) return 'UNKNOWN_CLUSTER';
  if (!state.frozen) return 'NOT_FROZEN';
  return sceneOf(command, state).allSilent ? 'ALL_SILENT' : null;
}
