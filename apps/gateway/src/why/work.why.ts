import {
  PointConfirmed,
  PointOrdered,
  PointRefused,
  TaskAdmitted,
  TaskAssigned,
  TaskCancelled,
  TaskCompleted,
  TaskDeclined,
  TaskDeferred,
  TaskFaulted,
  TaskMoved,
  TaskParked,
  TaskRecalled,
  TaskReopened,
  TaskRetryScheduled,
  TaskStalled,
  TaskStartConfirmed,
  type TaskResult,
} from '@holdfast/contracts';
import type { FeedEvent, Told } from '../projections/projection';
import {
  declineLines,
  deferredText,
  ordersIn,
  placementLines,
  suspicionBefore,
  verdictBehind,
  verdictText,
  type Order,
  type TaskStory,
} from './task.why';
import type { Brake } from '../views/cluster.view';
import { amount, chainOf, clock, is, lastOf, placeOf, portion, type Why } from './why';

/** What can be said last of a task: each decides how it stands. */
const STANDS = [
  TaskAdmitted,
  PointOrdered,
  PointConfirmed,
  TaskRecalled,
  TaskDeferred,
  TaskRetryScheduled,
  TaskParked,
  TaskReopened,
  TaskCompleted,
  TaskCancelled,
] as const;

/** `totalBytes`: as its checkpoints tell. */
interface WorkStory extends TaskStory {
  readonly totalBytes: number | null;
  /** What keeps it from being placed, if it waits for that. */
  readonly brake?: Brake | undefined;
}

/** A task of the background: where it is, at which attempt, and what brought it there. */
export function whyWork(story: WorkStory): Why {
  const { subject, events, nodes } = story;
  const order = ordersIn(events).at(-1);
  const stands = lastOf(events, ...STANDS);
  const since = order ? events.filter(({ position }) => position >= order.position) : events;
  const verdict = order && verdictBehind(order, nodes);
  const hasOrder = order && (!stands || stands.position < order.position);

  return {
    subject,
    headline: hasOrder
      ? orderedText(order, { ...story, since, verdict })
      : stands
        ? standText(stands, story.brake)
        : nothingOf(subject),
    lines: [
      ...(story.brake ? [{ label: 'remedy', text: story.brake.remedy }] : []),
      ...attemptLines(events, nodes),
      ...(order ? placementLines(order) : []),
      ...(order ? declineLines(events, order) : []),
      ...faultLines(events),
    ],
    chain: chainOf([
      events.find((event) => is(event, TaskAdmitted)),
      lastOf(events, PointConfirmed),
      verdict && suspicionBefore(verdict, nodes),
      verdict,
      order,
      lastOf(since, TaskStartConfirmed),
      lastOf(since, TaskStalled),
      stands,
    ]),
  };
}

const nothingOf = (subject: string) => `nothing was decided about ${subject} yet`;

interface Since extends WorkStory {
  readonly since: readonly FeedEvent[];
  readonly verdict: FeedEvent | undefined;
}

function orderedText(order: Order, { since, verdict, totalBytes }: Since): string {
  const { nodeId, epoch, cause, resume } = order.data;
  const runs = lastOf(since, TaskStartConfirmed);
  const state = runs ? `running on ${nodeId}` : `ordered of ${nodeId} at ${clock(order.data.at)}, not begun yet`;
  const from = resume ? `resumed at ${portion(resume.doneBytes, totalBytes)}` : 'from the beginning';
  const because = verdict
    ? ` after ${verdictText(verdict)} (${placeOf(verdict)})`
    : `, ${cause}${fromNode(order)} (${placeOf(order)})`;
  return `${state}, epoch ${epoch}: ${from}${because}`;
}

const fromNode = (order: Order): string => (order.type === 'TaskMoved' ? ` from ${order.data.fromNodeId}` : '');

function standText(event: Told<(typeof STANDS)[number]>, brake: Brake | undefined): string {
  const unplaced = brake?.text ?? 'not placed yet';
  const told = `${clock(event.data.at)} (${placeOf(event)})`;
  switch (event.type) {
    case 'TaskAdmitted':
      return `admitted at ${told}, ${unplaced}`;
    case 'PointOrdered':
      return `waits since ${told} for ${event.data.nodeId} to freeze ${event.data.pointId} of ${event.data.systemId}`;
    case 'PointConfirmed':
      return `${event.data.pointId} is frozen since ${told}; ${unplaced}`;
    case 'TaskRecalled':
      return `stopping on ${event.data.nodeId} since ${told}, epoch ${event.data.epoch}: ${event.data.cause}`;
    case 'TaskDeferred':
      return [brake?.text, deferredText(event)].filter((text) => text !== undefined).join('; ');
    case 'TaskRetryScheduled':
      return deferredText(event);
    case 'TaskParked':
      return `parked at ${told}: ${event.data.reason} after ${event.data.attempts} attempts; retry or cancel it`;
    case 'TaskReopened':
      return `reopened by an operator at ${told}, ${unplaced}`;
    case 'TaskCancelled':
      return `cancelled at ${told}: ${event.data.by}`;
    case 'TaskCompleted':
      return `completed on ${event.data.nodeId} at ${told}, epoch ${event.data.epoch}: ${resultText(event.data.result)}`;
  }
}

function resultText(result: TaskResult): string {
  const manifest = `manifest ${result.manifest.slice(0, 12)}`;
  if ('bytes' in result) return `${amount(result.bytes)} in ${result.pieces} pieces, ${manifest}`;
  const { damagedPieces, pieces } = result;
  return `${damagedPieces === 0 ? 'clean' : `${damagedPieces} damaged`}, ${pieces} pieces read, ${manifest}`;
}

/** Every owner that it had: what brought it there, and how far that one was told to go on from. */
function attemptLines(events: readonly FeedEvent[], nodes: readonly FeedEvent[]) {
  return ordersIn(events)
    .slice(-ATTEMPTS)
    .map((order) => {
      const { nodeId, epoch, at, cause, resume } = order.data;
      const verdict = verdictBehind(order, nodes);
      const because = verdict ? verdictText(verdict) : cause;
      const from = resume ? `; from ${amount(resume.doneBytes)}` : '';
      return { label: 'attempt', text: `${epoch} on ${nodeId} at ${clock(at)}: ${because}${from}` };
    });
}
const ATTEMPTS = 8;

function faultLines(events: readonly FeedEvent[]) {
  const faults = events.filter((event) => is(event, TaskFaulted) || is(event, PointRefused)).slice(-ATTEMPTS);
  return faults.map((event) => {
    const { nodeId, epoch, code } = event.data as { nodeId: string; epoch: number; code: string };
    return { label: is(event, PointRefused) ? 'refused' : 'fault', text: `${nodeId} at epoch ${epoch}: ${code}` };
  });
}

/** What is asked of the feed: checkpoints alone would fill it. */
export const WORK_EVENTS = [
  ...STANDS,
  TaskAssigned,
  TaskMoved,
  TaskStartConfirmed,
  TaskStalled,
  TaskFaulted,
  TaskDeclined,
  PointRefused,
];
