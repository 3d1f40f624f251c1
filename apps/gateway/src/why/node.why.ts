import {
  ClusterFrozen,
  NodeDeclaredDown,
  NodeDrained,
  NodeDrainOverdue,
  NodeDrainStarted,
  NodeDrainStopped,
  NodeFoundImpaired,
  NodeFoundIsolated,
  NodeFoundPartitioned,
  NodeJoined,
  NodeMaintenanceEnded,
  NodeMaintenanceStarted,
  NodeRecovered,
  NodeRestarted,
  NodeSuspected,
  NodeSuspicionWithdrawn,
  TaskMoved,
  VerdictWithheld,
  type Brake,
  type Evidence,
} from '@holdfast/contracts';
import type { FeedEvent, Told } from '../projections/projection';
import { chainOf, clock, is, lastOf, placeOf, seconds, type Why } from './why';

const RULES: Readonly<Record<Evidence['rule'], string>> = {
  twoPeersFail: 'silent at deadline, two peers fail, nobody reaches it',
  onePeerFails: 'silent for half a waiting time more, its one peer fails, nobody reaches it',
  peerReaches: 'silent, yet a peer reaches it',
  peersFail: 'it beats, and all peers with fresh evidence fail to reach it',
  reportedImpaired: 'it beats, and reports a part that does not work',
  operator: 'the word of an operator',
};

export const VERDICTS = [
  NodeDeclaredDown,
  NodeFoundIsolated,
  NodeFoundPartitioned,
  NodeFoundImpaired,
  NodeSuspected,
  NodeSuspicionWithdrawn,
  NodeRecovered,
  NodeJoined,
];
const DRAIN = [NodeDrainStarted, NodeDrainOverdue, NodeDrained, NodeDrainStopped] as const;
const MAINTENANCE = [NodeMaintenanceStarted, NodeMaintenanceEnded] as const;

/** What is asked of the feed: what a node was told to do alone would fill it. */
export const NODE_EVENTS = [...VERDICTS, ...DRAIN, ...MAINTENANCE, VerdictWithheld, NodeRestarted, TaskMoved];

const MOVES = 20;

/** `events`: the node's own story. `cluster`: its cluster's freezes and sight. */
export function whyNode(nodeId: string, told: { events: readonly FeedEvent[]; cluster: readonly FeedEvent[] }): Why {
  const subject = `node/${nodeId}`;
  const deciding = told.events.findLast((event) => VERDICTS.some((contract) => is(event, contract)));
  if (!deciding) return { subject, headline: `nothing is known of ${nodeId} yet`, lines: [], chain: [] };

  const before = told.events.filter((event) => event.position < deciding.position);
  const suspected = is(deciding, NodeSuspected) ? deciding : suspicionBefore(before);
  // Heard anew, or its deadlines begun anew: what was withheld before is over.
  const last = lastOf(after(told.events, deciding), VerdictWithheld, NodeRestarted, NodeMaintenanceEnded);
  const withheld = is(last, VerdictWithheld) ? last : undefined;
  const planned = [lastOf(told.events, ...MAINTENANCE), lastOf(told.events, ...DRAIN)];
  const moves = after(told.events, deciding).filter(
    (event): event is FeedEvent & Told<typeof TaskMoved> => is(event, TaskMoved) && event.data.fromNodeId === nodeId,
  );

  return {
    subject,
    headline: [headlineOf(deciding), ...planned.flatMap((event) => plannedText(event) ?? [])].join(' · '),
    lines: [
      ...planned.flatMap(plannedLines),
      ...heartbeatLines(suspected),
      ...evidenceLines(deciding),
      ...withheldLines(withheld),
      ...freezeLines(told.cluster, deciding),
      ...moves.slice(0, MOVES).map(({ data: { kind, subject, taskId, nodeId: to } }) => {
        const what = kind === 'serve' ? subject : `task/${taskId}`;
        return { label: 'then', text: `${what} moved to ${to} (holdfast why ${what})` };
      }),
      ...(moves.length > MOVES ? [{ label: 'then', text: `${moves.length - MOVES} more moved` }] : []),
    ],
    chain: chainOf([suspected, deciding, withheld, ...planned, ...moves.slice(0, MOVES)]),
  };
}

const after = (events: readonly FeedEvent[], { position }: FeedEvent) =>
  events.filter((event) => event.position > position);

/** The suspicion that led here, unless the node recovered in between. */
function suspicionBefore(before: readonly FeedEvent[]): Told<typeof NodeSuspected> | undefined {
  const last = before.findLast((event) => is(event, NodeSuspected) || is(event, NodeRecovered));
  return is(last, NodeSuspected) ? last : undefined;
}

function headlineOf(event: FeedEvent): string {
  const since = (status: string, at: string) => `${status} since ${clock(at)} (${placeOf(event)})`;
  if (is(event, NodeDeclaredDown)) return `${since('down', event.data.at)}    rule: ${RULES[event.data.evidence.rule]}`;
  if (is(event, NodeFoundIsolated))
    return `${since('isolated', event.data.at)}    rule: ${RULES[event.data.evidence.rule]}`;
  if (is(event, NodeFoundPartitioned))
    return `${since('partitioned', event.data.at)}    rule: ${RULES[event.data.evidence.rule]}; it keeps what it has`;
  if (is(event, NodeFoundImpaired))
    return `${since('impaired', event.data.at)}    ${event.data.part}: ${event.data.code}`;
  if (is(event, NodeSuspected))
    return `${since('suspect', event.data.at)}    silent at its deadline; nothing moves yet`;
  if (is(event, NodeSuspicionWithdrawn))
    return `${since('healthy', event.data.at)}    suspicion withdrawn: ${event.data.reason}`;
  if (is(event, NodeRecovered)) {
    const { at, fromStatus, declaredWrongly, ownPauseMs } = event.data;
    const wrongly = declaredWrongly ? `; declared down wrongly: its agent paused ${seconds(ownPauseMs)}` : '';
    return `${since('healthy', at)}    recovered from ${fromStatus}${wrongly}`;
  }
  return `joining since ${clock(event.at)} (${placeOf(event)})    no heartbeat was read yet`;
}

function heartbeatLines(suspected: Told<typeof NodeSuspected> | undefined) {
  if (!suspected) return [];
  const { lastSeq, lastHeartbeatAt, deadlineAt, watermark } = suspected.data;
  return [
    { label: 'heartbeat', text: `seq ${lastSeq} appended ${clock(lastHeartbeatAt)}; deadline ${clock(deadlineAt)}` },
    { label: 'log clock', text: `${clock(watermark.at)} at samples/${watermark.partition}@${watermark.offset}` },
  ];
}

type Judged =
  typeof NodeDeclaredDown | typeof NodeFoundIsolated | typeof NodeFoundPartitioned | typeof NodeFoundImpaired;
const hasEvidence = (event: FeedEvent): event is FeedEvent & Told<Judged> =>
  [NodeDeclaredDown, NodeFoundIsolated, NodeFoundPartitioned, NodeFoundImpaired].some((judged) => is(event, judged));

function evidenceLines(event: FeedEvent) {
  if (!hasEvidence(event)) return [];
  const { peers, lateNodes, limit } = event.data.evidence;
  const told = peers.map(({ nodeId, outcome, ageMs }) => `${nodeId} ${outcome} ${seconds(ageMs)} ago`).join(' · ');
  return [
    { label: 'peers', text: told || 'none asked' },
    { label: 'freeze', text: `${lateNodes} node${lateNodes === 1 ? '' : 's'} late, limit ${limit}: open` },
  ];
}

type Planned = Told<(typeof DRAIN)[number]> | Told<(typeof MAINTENANCE)[number]>;

/** In a few words beside the status; nothing, once it is over. */
function plannedText(event: Planned | undefined): string | undefined {
  switch (event?.type) {
    case 'NodeMaintenanceStarted':
      return `in maintenance until ${clock(event.data.until)}`;
    case 'NodeDrainStarted':
      return `draining until ${clock(event.data.deadlineAt)}`;
    case 'NodeDrainOverdue':
      return `draining, overdue: ${event.data.left.length} left`;
    case 'NodeDrained':
      return 'drained';
    default:
      return undefined;
  }
}

function plannedLines(event: Planned | undefined) {
  switch (event?.type) {
    case 'NodeMaintenanceStarted': {
      const { until, by, reason } = event.data;
      const text = `no verdict until ${clock(until)}, by ${by}: ${reason} (${placeOf(event)})`;
      return [{ label: 'maintenance', text }];
    }
    case 'NodeDrainStarted':
      return [{ label: 'drain', text: `since ${clock(event.data.at)} for ${event.data.by} (${placeOf(event)})` }];
    case 'NodeDrainOverdue':
      return [{ label: 'drain', text: `left: ${event.data.left.slice(0, 8).join(', ')} (${placeOf(event)})` }];
    case 'NodeDrained':
      return [{ label: 'drain', text: `empty since ${clock(event.data.at)}; it stays so until the drain is stopped` }];
    default:
      return [];
  }
}

function withheldLines(withheld: Told<typeof VerdictWithheld> | undefined) {
  if (!withheld) return [];
  const { verdict, brake } = withheld.data;
  return [{ label: 'withheld', text: `${verdict}: ${WITHHELD[brake]} (${placeOf(withheld)})` }];
}
const WITHHELD: Readonly<Record<Brake, string>> = {
  halted: 'automation is halted',
  blind: 'the cluster is blind',
  frozen: 'the cluster is frozen',
  maintenance: 'the node is in maintenance',
  noEvidence: 'no peer can tell: absence alone decides nothing',
};

function freezeLines(cluster: readonly FeedEvent[], deciding: FeedEvent) {
  const frozen = lastOf(cluster, ClusterFrozen);
  if (!frozen || frozen.position < deciding.position) return [];
  const { clusterId, lateNodeIds, limit } = frozen.data;
  const text = `${lateNodeIds.length} nodes late, limit ${limit}: frozen; thaw ${clusterId}`;
  return [{ label: 'freeze', text }];
}
