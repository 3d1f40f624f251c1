import {
  AutomationHalted,
  AutomationResumed,
  ClusterFrozen,
  ClusterSightLost,
  ClusterSightRegained,
  ClusterThawed,
  PlacementHeld,
  PlacementResumed,
  RebalanceEnded,
  RebalanceStarted,
} from '@holdfast/contracts';
import type { FeedEvent } from '../projections/projection';
import { chainOf, clock, is, placeOf, seconds, type Why } from './why';

/** What is asked of the feed. */
export const CLUSTER_EVENTS = [
  ClusterFrozen,
  ClusterThawed,
  ClusterSightLost,
  ClusterSightRegained,
  AutomationHalted,
  AutomationResumed,
  PlacementHeld,
  PlacementResumed,
  RebalanceStarted,
  RebalanceEnded,
];

/** `events`: the cluster's own story, oldest first. */
export function whyCluster(clusterId: string, events: readonly FeedEvent[]): Why {
  const subject = `cluster/${clusterId}`;
  const last = (...contracts: Parameters<typeof is>[1][]) =>
    events.findLast((event) => contracts.some((contract) => is(event, contract)));
  const freeze = last(ClusterFrozen, ClusterThawed);
  const sight = last(ClusterSightLost, ClusterSightRegained);
  const halt = last(AutomationHalted, AutomationResumed);
  const placement = last(PlacementHeld, PlacementResumed);

  const rebalance = last(RebalanceStarted, RebalanceEnded);

  const said = [freezeText(freeze), sightText(sight), haltText(halt)].filter((text) => text !== undefined);
  const lines = [
    ...(freeze ? [{ label: 'freeze', text: freezeText(freeze) ?? `${freeze.type} at ${clock(freeze.at)}` }] : []),
    ...(sight ? [{ label: 'sight', text: sightText(sight) ?? regained(sight) }] : []),
    ...(halt ? [{ label: 'halt', text: haltText(halt) ?? `resumed at ${clock(halt.at)} (${placeOf(halt)})` }] : []),
    ...(is(placement, PlacementHeld)
      ? [{ label: 'moves', text: `held: ${placement.data.brake} (${placeOf(placement)})` }]
      : []),
    ...(rebalance ? [{ label: 'rebalance', text: rebalanceText(rebalance) }] : []),
  ];
  const headline = said[0] ?? `nothing holds ${clusterId}: nodes are judged, systems are moved`;
  return { subject, headline, lines, chain: chainOf([freeze, sight, halt, placement, rebalance]) };
}

function freezeText(event: FeedEvent | undefined): string | undefined {
  if (!is(event, ClusterFrozen)) return undefined;
  const { at, lateNodeIds, limit, clusterId } = event.data;
  const late = lateNodeIds.join(', ');
  return `frozen since ${clock(at)} (${placeOf(event)}): ${lateNodeIds.length} nodes late (${late}), limit ${limit}; thaw ${clusterId}`;
}

function sightText(event: FeedEvent | undefined): string | undefined {
  if (!is(event, ClusterSightLost)) return undefined;
  return `blind since ${clock(event.data.at)} (${placeOf(event)}): ${event.data.cause}; statuses stay as last decided`;
}

function regained(event: FeedEvent): string {
  if (!is(event, ClusterSightRegained)) return event.type;
  return `regained at ${clock(event.data.at)} after ${seconds(event.data.blindMs)} (${placeOf(event)})`;
}

function haltText(event: FeedEvent | undefined): string | undefined {
  if (!is(event, AutomationHalted)) return undefined;
  return `halted since ${clock(event.at)} (${placeOf(event)}): ${event.data.reason}; resume ${event.data.scope}`;
}

function rebalanceText(event: FeedEvent): string {
  if (is(event, RebalanceEnded))
    return `ended at ${clock(event.data.at)} after ${event.data.moves} moves (${placeOf(event)})`;
  if (!is(event, RebalanceStarted)) return event.type;
  const { at, by, maxOverFair } = event.data;
  return `since ${clock(at)}, ${by}: the fullest node has ${maxOverFair.toFixed(2)} of its share (${placeOf(event)})`;
}
