import {
  NodeDeclaredDown,
  NodeFoundImpaired,
  NodeFoundIsolated,
  NodeSuspected,
  SystemServeGranted,
  TaskAssigned,
  TaskBlocked,
  TaskDeclined,
  TaskDeferred,
  TaskHeld,
  TaskMoved,
  TaskRecalled,
  TaskRetryScheduled,
  TaskStartConfirmed,
  TaskTaken,
  type EventOf,
  type Placement,
} from '@holdfast/contracts';
import type { FeedEvent, Told } from '../projections/projection';
import { amount, chainOf, clock, is, lastOf, placeOf, seconds, type Why } from './why';

export type Order = Told<typeof TaskAssigned> | Told<typeof TaskMoved>;

/** What is asked of the feed. */
export const SERVE_EVENTS = [
  SystemServeGranted,
  TaskAssigned,
  TaskMoved,
  TaskStartConfirmed,
  TaskHeld,
  TaskRecalled,
  TaskDeferred,
  TaskRetryScheduled,
  TaskTaken,
  TaskBlocked,
  TaskDeclined,
];

/** `events`: all that belongs to the task. `nodes`: what was told of the nodes that it was on. */
export interface TaskStory {
  readonly subject: string;
  readonly events: readonly FeedEvent[];
  readonly nodes: readonly FeedEvent[];
}

export const ordersIn = (events: readonly FeedEvent[]): Order[] =>
  events.filter((event) => is(event, TaskAssigned) || is(event, TaskMoved));

/** The order that stands. A re-offer to a restarted agent decided nothing: its grant was decided before. */
function standingOrder(events: readonly FeedEvent[]): Order | undefined {
  const orders = ordersIn(events);
  const epoch = orders.at(-1)?.data.epoch;
  return orders.find((order) => order.data.epoch === epoch);
}

export function whyTask({ subject, events, nodes }: TaskStory): Why {
  const order = standingOrder(events);
  const deferred = lastOf(events, TaskDeferred, TaskRetryScheduled);
  if (!order) {
    const headline = deferred ? deferredText(deferred) : `nothing was ordered for ${subject} yet`;
    return { subject, headline, lines: [], chain: chainOf([deferred]) };
  }
  const verdict = verdictBehind(order, nodes);
  const since = events.filter(({ position }) => position >= order.position);
  const taken = epochOf(since, order, TaskTaken);
  const confirmed = epochOf(since, order, TaskStartConfirmed);
  const waiting = deferred && deferred.position > order.position ? deferred : undefined;
  // Its owner serves on until another node can take it, unless it is down or was told to stop.
  const serves = confirmed !== undefined && !lastOf(since, TaskRecalled) && !isDown(order.data.nodeId, nodes);
  const isKept = serves && is(waiting, TaskDeferred);

  return {
    subject,
    headline: headlineOf(order, { verdict, confirmed, waiting: isKept ? undefined : waiting }),
    lines: [
      ...fenceLines(order, since),
      ...(isKept
        ? [{ label: 'deferred', text: `since ${clock(waiting.data.at)}: ${deferredText(waiting, 'no other node')}` }]
        : []),
      ...placementLines(order),
      ...declineLines(events, order),
    ],
    chain: chainOf([
      suspicionBefore(verdict, nodes),
      verdict,
      grantOf(events, order),
      order,
      taken,
      confirmed,
      waiting,
    ]),
  };
}

function headlineOf(
  order: Order,
  told: { verdict: FeedEvent | undefined; confirmed: Told<typeof TaskStartConfirmed> | undefined; waiting: unknown },
): string {
  const { nodeId, epoch, cause } = order.data;
  const { verdict, confirmed } = told;
  const state = told.waiting
    ? deferredText(told.waiting as Told<typeof TaskDeferred>)
    : confirmed
      ? `served by ${nodeId} since ${clock(confirmed.data.at)}`
      : `ordered of ${nodeId} at ${clock(order.data.at)}, not taken yet`;
  const because = verdict ? `${verdictText(verdict)} (${placeOf(verdict)})` : `${cause} (${placeOf(order)})`;
  return `${state}, epoch ${epoch} (${order.type}): ${because}`;
}

export function verdictText(verdict: FeedEvent): string {
  if (is(verdict, NodeDeclaredDown)) return `${verdict.data.nodeId} was declared down`;
  if (is(verdict, NodeFoundImpaired))
    return `${verdict.data.nodeId} is impaired: ${verdict.data.part} ${verdict.data.code}`;
  if (is(verdict, NodeFoundIsolated)) return `${verdict.data.nodeId} was found isolated`;
  return verdict.type;
}

/** The verdicts on a node that move what it has, by the cause that the order names. */
const MOVERS = { nodeDown: NodeDeclaredDown, impaired: NodeFoundImpaired, isolated: NodeFoundIsolated } as const;

/** What moved it: the order's own cause, else the last verdict on the node before that was known then. */
export function verdictBehind(order: Order, nodes: readonly FeedEvent[]): FeedEvent | undefined {
  if (order.type !== 'TaskMoved') return undefined;
  const { fromNodeId, cause } = order.data;
  const mover = cause in MOVERS ? MOVERS[cause as keyof typeof MOVERS] : undefined;
  const verdicts = nodes.filter(
    (event) =>
      event.type === mover?.type &&
      (event.data as { nodeId: string }).nodeId === fromNodeId &&
      event.position < order.position,
  );
  return verdicts.find(({ id }) => id === order.causationId) ?? verdicts.at(-1);
}

export function suspicionBefore(verdict: FeedEvent | undefined, nodes: readonly FeedEvent[]): FeedEvent | undefined {
  if (!verdict) return undefined;
  const { nodeId } = verdict.data as { nodeId: string };
  return nodes.findLast(
    (event) => is(event, NodeSuspected) && event.data.nodeId === nodeId && event.position < verdict.position,
  );
}

/** By what was last decided about it. */
function isDown(nodeId: string, nodes: readonly FeedEvent[]): boolean {
  const ofNode = nodes.filter(({ data }) => (data as { nodeId: string }).nodeId === nodeId);
  return is(ofNode.at(-1), NodeDeclaredDown);
}

function epochOf<C extends typeof TaskTaken | typeof TaskStartConfirmed>(
  events: readonly FeedEvent[],
  order: Order,
  contract: C,
): Told<C> | undefined {
  const found = events.find(
    (event) => event.type === contract.type && (event.data as { epoch: number }).epoch === order.data.epoch,
  );
  return found as Told<C> | undefined;
}

function grantOf(events: readonly FeedEvent[], order: Order): FeedEvent | undefined {
  return events.find((event) => is(event, SystemServeGranted) && event.data.epoch === order.data.epoch);
}

function fenceLines(order: Order, since: readonly FeedEvent[]) {
  const { epoch, nodeId } = order.data;
  const taken = epochOf(since, order, TaskTaken);
  const held = lastOf(since, TaskHeld, TaskBlocked);
  if (taken) {
    const text = `claim ${epoch} {${nodeId}} on the medium; write lock had after ${seconds(taken.data.tookMs)}`;
    return [{ label: 'fence', text }];
  }
  return held ? [{ label: 'fence', text: `${nodeId} waits for ${held.data.waitsFor}: never forced` }] : [];
}

export function placementLines(order: Order) {
  const { placement, nodeId, kind, cause } = order.data;
  if (!placement) return [];
  const { candidates } = placement;
  const chosen = candidates.find((candidate) => candidate.nodeId === nodeId);
  // The node that an operator moved it off is passed over like one that declined; it did not.
  const movedOff = order.type === 'TaskMoved' && cause === 'operator' ? order.data.fromNodeId : undefined;
  const excluded = placement.excluded
    .map(({ nodeId: id, filter }) => `${id} ${filter === 'declined' && id === movedOff ? 'moved off' : filter}`)
    .join(' · ');
  // Systems are counted; what works in the background costs bytes per second.
  const load = (cost: number) => (kind === 'serve' ? cost.toFixed(2) : `${amount(cost)}/s`);
  const place = (at: Placement['candidates'][number]) =>
    `${at.nodeId} rank ${at.rank} of ${candidates.length}, load ${load(at.load)}, bound ${load(at.bound)}`;
  return [
    ...(chosen ? [{ label: 'chosen', text: place(chosen) }] : []),
    ...(excluded ? [{ label: 'excluded', text: excluded }] : []),
  ];
}

export function declineLines(events: readonly FeedEvent[], order: Order) {
  return events
    .filter((event): event is FeedEvent & Told<typeof TaskDeclined> => is(event, TaskDeclined))
    .filter(({ data }) => data.epoch >= order.data.epoch - 1)
    .flatMap(({ data: { nodeId, epoch, code, message } }) => {
      const text = `${nodeId} at epoch ${epoch}: ${code}${message === undefined ? '' : `, ${message}`}`;
      const remedy = DECLINE_REMEDIES[code]?.replaceAll('<node>', nodeId);
      return [{ label: 'declined', text }, ...(remedy === undefined ? [] : [{ label: 'remedy', text: remedy }])];
    });
}

/** What a person can do; the other declines end by themselves. */
const DECLINE_REMEDIES: Readonly<Partial<Record<DeclineCode, string>>> = {
  WATCHDOG_DEAD: 'start the watchdog of <node> again, or drain it: `holdfast drain <node>`',
  NO_SPACE: 'add space to the medium, or delete what is not needed: `holdfast backups list`',
  MEDIUM_INVALID: 'mount the medium of this cluster on <node>',
  ENGINE_DOWN: 'start the engine of <node> again: `holdfast describe node/<node>`',
  JOURNAL_FAILED: 'look at the disk of <node> that holds its journal, then start its agent again',
  BACKUP_DAMAGED: 'restore another point: `holdfast backups list`; `holdfast task submit scrub` names what is damaged',
  UNKNOWN_KIND: 'update the agent of <node>: it is older than this kind of task',
};
type DeclineCode = EventOf<typeof TaskDeclined>['data']['code'];

export function deferredText(
  event: Told<typeof TaskDeferred> | Told<typeof TaskRetryScheduled>,
  nobody = 'no node can take it now',
): string {
  if (event.type === 'TaskRetryScheduled')
    return `tried again at ${clock(event.data.notBefore)} after ${event.data.code} (${placeOf(event)})`;
  const filters = Object.entries(event.data.blockedBy).map(([filter, nodes]) => `${filter} ${nodes}`);
  return `${nobody}: ${filters.join(', ')} (${placeOf(event)})`;
}
