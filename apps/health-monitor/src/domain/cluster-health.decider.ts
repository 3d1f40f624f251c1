import { assertNever, type Decider } from '@holdfast/kernel';
import { evolveHealth, initialHealth, type ClusterHealth, type HealthEvent } from './cluster-health';
import type { HealthCommand, LoseSight, RegainSight } from './commands';
import { judge } from './judgement';
import { endMaintenance, startMaintenance } from './maintenance';
import { unwatch, watch } from './membership';
import { declareDown, thaw } from './operator';
import { toInstant } from './standing';

/** Who of one cluster is alive, who is merely silent, and when we cannot tell. */
export const clusterHealthDecider: Decider<HealthCommand, ClusterHealth, HealthEvent> = {
  initial: initialHealth,
  decide(command, state) {
    switch (command.type) {
      case 'WatchNode':
        return watch(command, state);
      case 'UnwatchNode':
        return unwatch(command, state);
      case 'JudgeCluster':
        return judge(command, state);
      case 'LoseSight':
        return loseSight(command, state);
      case 'RegainSight':
        return regainSight(command, state);
      case 'DeclareNodeDown':
        return declareDown(command, state);
      case 'ThawCluster':
        return thaw(command, state);
      case 'StartMaintenance':
        return startMaintenance(command, state);
      case 'EndMaintenance':
        return endMaintenance(command, state);
      default:
        return assertNever(command);
    }
  },
  evolve: evolveHealth,
};

function loseSight({ clusterId, atMs, cause }: LoseSight, { sight, nodes }: ClusterHealth): HealthEvent[] {
  if (sight.lost || Object.keys(nodes).length === 0) return [];
  const at = toInstant(atMs);
  // Suspicion rests on silence, and silence we cannot hear any more. Withdrawn first: the blind change no status.
  const withdrawn = Object.values(nodes)
    .filter(({ status }) => status === 'suspect')
    .map(({ nodeId }): HealthEvent => {
      return { type: 'NodeSuspicionWithdrawn', data: { clusterId, at, nodeId, reason: 'blind' } };
    });
  return [...withdrawn, { type: 'ClusterSightLost', data: { clusterId, at, cause } }];
}

function regainSight({ clusterId, atMs, alphaMs }: RegainSight, { sight }: ClusterHealth): HealthEvent[] {
  if (!sight.lost) return [];
  const blindMs = Math.max(0, atMs - sight.sinceMs);
  return [{ type: 'ClusterSightRegained', data: { clusterId, at: toInstant(atMs), blindMs, sightHoldMs: alphaMs } }];
}
