import {
  AutomationHalted,
  AutomationResumed,
  ClusterFrozen,
  ClusterRegistered,
  ClusterSightLost,
  ClusterSightRegained,
  ClusterThawed,
  PlacementHeld,
  PlacementResumed,
  RebalanceEnded,
  RebalanceStarted,
  type Instant,
} from '@holdfast/contracts';
import { defineProjection, rulesFor } from './projection';

export interface ClusterRow {
  clusterId: string;
  /** Health may be heard before the registration: until then the row is not shown. */
  registered: boolean;
  name: string | null;
  addressRanges: string[];
  sight: { state: 'clear' | 'lost'; cause: string | null; since: Instant | null };
  frozen: { cause: string; lateNodeIds: string[]; limit: number; since: Instant } | null;
  /** The brakes under which the load-balancer holds every move here. */
  placementHeldBy: string[];
  /** Background work is being levelled out. */
  rebalance: { by: 'operator' | 'automatic'; since: Instant; maxOverFair: number } | null;
}

const on = rulesFor<ClusterRow>();
const ofCluster = ({ data }: { data: { clusterId: string } }) => data.clusterId;

function update(row: ClusterRow | undefined, clusterId: string, change: Partial<ClusterRow>): ClusterRow {
  const unheardOf: ClusterRow = {
    clusterId,
    registered: false,
    name: null,
    addressRanges: [],
    sight: { state: 'clear', cause: null, since: null },
    frozen: null,
    placementHeldBy: [],
    rebalance: null,
  };
  return { ...(row ?? unheardOf), ...change };
}

export const clustersProjection = defineProjection<ClusterRow>('clusters', [
  on(ClusterRegistered, ofCluster, (row, { data: { clusterId, name, addressRanges } }) =>
    update(row, clusterId, { registered: true, name, addressRanges }),
  ),
  on(ClusterSightLost, ofCluster, (row, { data: { clusterId, cause, at } }) =>
    update(row, clusterId, { sight: { state: 'lost', cause, since: at } }),
  ),
  on(ClusterSightRegained, ofCluster, (row, { data: { clusterId, at } }) =>
    update(row, clusterId, { sight: { state: 'clear', cause: null, since: at } }),
  ),
  on(ClusterFrozen, ofCluster, (row, { data: { clusterId, cause, lateNodeIds, limit, at } }) =>
    update(row, clusterId, { frozen: { cause, lateNodeIds, limit, since: at } }),
  ),
  on(ClusterThawed, ofCluster, (row, { data }) => update(row, data.clusterId, { frozen: null })),
  on(PlacementHeld, ofCluster, (row, { data: { clusterId, brake } }) =>
    update(row, clusterId, { placementHeldBy: [...new Set([...(row?.placementHeldBy ?? []), brake])] }),
  ),
  on(PlacementResumed, ofCluster, (row, { data: { clusterId, brake } }) =>
    update(row, clusterId, { placementHeldBy: (row?.placementHeldBy ?? []).filter((held) => held !== brake) }),
  ),
  on(RebalanceStarted, ofCluster, (row, { data: { clusterId, by, maxOverFair, at } }) =>
    update(row, clusterId, { rebalance: { by, since: at, maxOverFair } }),
  ),
  on(RebalanceEnded, ofCluster, (row, { data }) => update(row, data.clusterId, { rebalance: null })),
]);

export interface AutomationRow {
  scope: string;
  halted: boolean;
  reason: string | null;
  since: Instant;
  by: string;
}

const onScope = rulesFor<AutomationRow>();

export const automationProjection = defineProjection<AutomationRow>('automation', [
  onScope(
    AutomationHalted,
    ({ data }) => data.scope,
    (_row, { data: { scope, reason, actor }, at }) => ({ scope, halted: true, reason, since: at, by: actor.tokenId }),
  ),
  onScope(
    AutomationResumed,
    ({ data }) => data.scope,
    (_row, { data: { scope, reason = null, actor }, at }) => ({
      scope,
      halted: false,
      reason,
      since: at,
      by: actor.tokenId,
    }),
  ),
]);
