import { fold, type Decider } from '@holdfast/kernel';
import { evolveHealth, initialHealth, type ClusterHealth, type HealthEvent } from './cluster-health';
import type { JudgeCluster } from './commands';
import { mayThaw } from './freeze';
import { endOverdueMaintenance } from './maintenance';
import { planFor } from './membership';
import { recover } from './recovery';
import { isUndeclared, sceneOf, toInstant, type Scene } from './standing';
import { deadlineMs } from './silence';
import { findVerdicts } from './verdicts';

/** What one look at the log leads to, given what the looks before it led to. */
type Look = (command: JudgeCluster, scene: Scene, state: ClusterHealth) => HealthEvent[];

/** Good news needs no patience; bad news waits until the log has settled after a gap. */
const anytime: readonly Look[] = [endOverdueMaintenance, restart, recover];
const onceSettled: readonly Look[] = [freezeOrThaw, suspect, findVerdicts];

const folding: Decider<never, ClusterHealth, HealthEvent> = {
  initial: initialHealth,
  decide: () => [],
  evolve: evolveHealth,
};

export function judge(command: JudgeCluster, before: ClusterHealth): HealthEvent[] {
  // Blind: no verdict and no change of status, for better or worse.
  if (before.sight.lost) return [];

  const looks = command.measurement.settled ? [...anytime, ...onceSettled] : anytime;
  const decided: HealthEvent[] = [];
  let state = before;
  let scene = sceneOf(command, state);
  for (const look of looks) {
    const events = look(command, scene, state);
    if (events.length === 0) continue;
    decided.push(...events);
    state = fold(folding, events, state);
    scene = sceneOf(command, state);
  }
  return [...decided, ...planForNewIncarnations(command, before, state)];
}

function restart({ clusterId }: JudgeCluster, { atMs, standings }: Scene): HealthEvent[] {
  return standings.flatMap(({ node, measure }): HealthEvent[] => {
    const incarnation = measure.beat?.incarnation;
    const previousIncarnation = node.incarnation;
    if (!incarnation || !previousIncarnation || incarnation === previousIncarnation) return [];
    const at = toInstant(atMs);
    return [{ type: 'NodeRestarted', data: { clusterId, at, nodeId: node.nodeId, incarnation, previousIncarnation } }];
  });
}

/** An agent keeps no plan over its restart. */
function planForNewIncarnations(command: JudgeCluster, before: ClusterHealth, after: ClusterHealth): HealthEvent[] {
  const someNew = Object.values(after.nodes).some(
    ({ nodeId, incarnation }) => incarnation !== before.nodes[nodeId]?.incarnation,
  );
  return someNew ? [planFor(command.clusterId, after, command.measurement.atMs)] : [];
}

function freezeOrThaw({ clusterId }: JudgeCluster, scene: Scene, { frozen }: ClusterHealth): HealthEvent[] {
  const { atMs, counted, limit, allSilent, standings } = scene;
  const seen = { clusterId, at: toInstant(atMs) };
  const cause = allSilent ? 'allSilent' : 'massSilence';
  const tooMany = allSilent || counted.length > limit;
  // What began as many may become all, which no person can thaw.
  if (tooMany && (!frozen || (allSilent && frozen.cause !== 'allSilent'))) {
    const silentNodes = standings.filter(({ silent }) => silent).map(({ node }) => node.nodeId);
    const lateNodeIds = allSilent ? silentNodes : [...counted];
    return [{ type: 'ClusterFrozen', data: { ...seen, cause, lateNodeIds, limit } }];
  }
  if (!frozen || tooMany) return [];
  const lateUntilMs = standings
    .filter(({ node, excused, inMaintenance }) => isUndeclared(node) && !excused && !inMaintenance)
    .map((standing) => standing.lateUntilMs);
  const calm = mayThaw({ limit, frozenMs: frozen.sinceMs, lateUntilMs }, atMs);
  return calm ? [{ type: 'ClusterThawed', data: { ...seen, by: 'beats' } }] : [];
}

function suspect(command: JudgeCluster, { atMs, standings }: Scene): HealthEvent[] {
  const { clusterId, observerId, measurement } = command;
  return standings.flatMap(({ node, measure, waiting, silent, lastHeartbeatMs, inMaintenance }): HealthEvent[] => {
    if (node.status !== 'healthy' || !silent || !waiting || inMaintenance) return [];
    const at = toInstant(atMs);
    const data = {
      clusterId,
      at,
      nodeId: node.nodeId,
      observerId,
      lastSeq: measure.beat?.seq ?? node.lastSeq,
      lastHeartbeatAt: toInstant(lastHeartbeatMs ?? node.sinceMs),
      deadlineAt: toInstant(deadlineMs(waiting)),
      watermark: { ...measurement.watermark, at },
    };
    return [{ type: 'NodeSuspected', data }];
  });
}
