import { defineTopic, type EventContract, type SampleContract, type TopicContract } from './define';
import * as background from './background.events';
import * as health from './health.events';
import * as log from './log.events';
import * as node from './node.events';
import * as placement from './placement.events';
import * as plan from './plan.events';
import * as request from './request.events';
import * as system from './system.events';

type Contract = EventContract | SampleContract;

function eventsIn(module: object): EventContract[] {
  return Object.values<Partial<EventContract>>({ ...module }).filter(
    (value): value is EventContract => value.kind === 'event',
  );
}

const DAY = 86_400_000;
const HOUR = 3_600_000;

/** What any service may say about its own inbox, on its own topic. */
const inboxEvents: EventContract[] = [
  log.EventParked,
  log.ParkedStreamResumed,
  log.ParkedEventSkipped,
  log.ParkedStreamReloaded,
  log.ParkedEventActionRejected,
];

/** One topic per context, one owner each. A stream's prefix names its topic. */
export const topics = {
  requests: defineTopic('holdfast.requests', {
    owner: 'gateway',
    stored: true,
    prefixes: ['request', 'access', 'automation', 'membership', 'inbox-gateway'],
    events: [...eventsIn(request), ...inboxEvents, log.ProjectionRebuilt, log.ProjectionRebuildRejected],
    retentionMs: 90 * DAY,
  }),
  health: defineTopic('holdfast.health', {
    owner: 'health-monitor',
    stored: true,
    prefixes: ['cluster-health', 'health-plan', 'inbox-health-monitor'],
    events: [...eventsIn(health), ...inboxEvents],
    retentionMs: 90 * DAY,
  }),
  placement: defineTopic('holdfast.placement', {
    owner: 'load-balancer',
    stored: true,
    prefixes: ['routing-table', 'system', 'placement-plan', 'inbox-load-balancer'],
    events: [...eventsIn(system), ...eventsIn(placement), ...eventsIn(background), ...eventsIn(plan), ...inboxEvents],
    retentionMs: 90 * DAY,
  }),
  nodes: defineTopic('holdfast.nodes', {
    owner: 'node-agent',
    stored: false,
    prefixes: ['agent'],
    events: eventsIn(node),
    retentionMs: 7 * DAY,
  }),
  samples: defineTopic('holdfast.samples', {
    owner: 'anyone',
    stored: false,
    prefixes: [],
    events: [health.HeartbeatObserved, health.LogCanaryObserved, log.ServiceStatusObserved, node.TaskProgressObserved],
    retentionMs: 6 * HOUR,
  }),
  replays: defineTopic('holdfast.replays', {
    owner: 'anyone',
    stored: false,
    prefixes: [],
    events: [log.ReplayRequested, log.ReplayRefused],
    retentionMs: 6 * HOUR,
  }),
} as const satisfies Record<string, TopicContract>;

export const allTopics: readonly TopicContract[] = Object.values(topics);

const contracts = new Map<string, Contract>(
  [...allTopics.flatMap((topic) => topic.events), log.StreamHeadsObserved].map((contract) => [contract.type, contract]),
);

/** The contract of this type, or undefined: a type that this build does not know. */
export function contractOf(type: string): Contract | undefined {
  return contracts.get(type);
}

/** The `kind/id`s that an event belongs to: none, if this build does not know it. */
export function subjectsOf({ type, data }: { type: string; data: object }): string[] {
  const contract = contractOf(type);
  return contract?.kind === 'event' ? contract.subjects(data) : [];
}

export const allContracts: readonly Contract[] = [...contracts.values()];

/** The topic that a stream lives on: the longest prefix that fits. */
export function topicOf(stream: string): TopicContract | undefined {
  let best: { topic: TopicContract; length: number } | undefined;
  for (const topic of allTopics) {
    for (const prefix of topic.prefixes) {
      if (stream.startsWith(`${prefix}-`) && prefix.length > (best?.length ?? 0))
        best = { topic, length: prefix.length };
    }
  }
  return best?.topic;
}

/** The fixed number of a stored context, in the order of the registry; never reused. */
export const contextNumbers: Readonly<Record<string, number>> = { requests: 1, health: 2, placement: 3 };

/** The login role of a service: `holdfast_health_monitor`. */
export function roleOf(service: string): string {
  return `holdfast_${service.replaceAll('-', '_')}`;
}
