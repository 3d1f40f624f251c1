import type { NodeId } from '@holdfast/contracts';
import type { Decision } from './decision';
import { chooseToLeave } from './orders';
import { valuesOf } from './persistent-map';
import { recall } from './recalls';
import { type Fullness, fullness, isCalm, maxOverFair } from './rebalance';
import { type BackgroundTask, isBackground, type Task } from './task';

/** A gap between start and stop, or it would go to and fro. */
export const START_ABOVE = 1.2;
const STOP_AT = 1.08;

/** So long it has to be uneven before it is levelled by itself: most unevenness ends with a task. */
export const UNEVEN_MS = 60_000;

/** What ends sooner is not worth a move. */
const WORTH_MS = 60_000;

const MOVES_AT_ONCE = 2;

/** Sends off the next of what is to be levelled, and ends when it is level, or when nothing makes it more so. */
export function rebalanceOn(decision: Decision): void {
  const { table, known, held } = decision;
  if (!table.rebalance || held) return;
  let underway = valuesOf(table.tasks).filter(({ recall }) => recall?.cause === 'rebalance').length;
  for (; underway < MOVES_AT_ONCE; underway += 1) {
    const step = nextStep(decision);
    if (!step) break;
    recall(decision, step.task, { cause: 'rebalance', toNodeId: step.toNodeId });
  }
  // After a start of ours nobody knows yet what is worth moving: that is no sign that nothing is.
  if (underway > 0 || known.leftMs === undefined) return;
  const { clusterId, at } = known;
  const { moves } = table.rebalance;
  const data = { clusterId, maxOverFair: maxOverFair(fullness(table)), moves, at };
  decision.add({ type: 'RebalanceEnded', data });
}

interface RebalanceStep {
  readonly task: BackgroundTask;
  readonly toNodeId: NodeId;
}

/** What leaves the fullest node next: the largest task whose new node is not as full with it as the old one was. */
export function nextStep(decision: Decision): RebalanceStep | undefined {
  const { table } = decision;
  const nodes = fullness(table);
  if (!isCalm(table) || maxOverFair(nodes) <= STOP_AT) return undefined;
  const fullest = nodes.reduce((most, node) => (shareOf(node) > shareOf(most) ? node : most));
  const candidates = valuesOf(table.tasks)
    .filter((task): task is BackgroundTask => task.nodeId === fullest.nodeId && isWorthMoving(decision, task))
    .sort((a, b) => b.cost - a.cost);
  for (const task of candidates) {
    const { nodeId: toNodeId } = chooseToLeave(decision, task);
    const to = nodes.find(({ nodeId }) => nodeId === toNodeId);
    if (to && shareOf({ ...to, load: to.load + task.cost }) < shareOf(fullest)) return { task, toNodeId: to.nodeId };
  }
  return undefined;
}

function isWorthMoving({ known }: Decision, task: Task): boolean {
  const leftMs = known.leftMs?.get(task.taskId);
  return isBackground(task) && task.phase === 'running' && leftMs !== undefined && leftMs >= WORTH_MS;
}

const shareOf = ({ load, budget }: Pick<Fullness, 'load' | 'budget'>) => load / budget;
