import { subjectOfTask } from './agents-state';
import type { Told } from './event';
import { judged, type Case, type LogPredicate } from './predicate';
import { placesOf, type TableNode, type TableState, type TableTask } from './table-state';
import type { World } from './world';

type Order = Told & { type: 'TaskAssigned' | 'TaskMoved' };

const isOrder = (event: Told): event is Order => event.type === 'TaskAssigned' || event.type === 'TaskMoved';

/** A failure that a move names as its cause, as the table must have seen it before. */
const failures: Readonly<Record<string, (node: TableNode) => boolean>> = {
  nodeDown: ({ state, cause }) => state === 'closed' && cause === 'down',
  isolated: ({ state, cause }) => state === 'cordoned' && cause === 'isolated',
};

export const B1: LogPredicate = {
  id: 'B1',
  text: 'one failure moves its orphans and nothing else',
  whole: true,
  see(event, { tables }) {
    if (event.type !== 'TaskMoved') return undefined;
    const { clusterId, taskId, fromNodeId, cause } = event.data;
    const table = tables.get(clusterId);
    const owner = table?.tasks.get(taskId)?.nodeId ?? null;
    const from = table?.nodes.get(fromNodeId);
    const failed = failures[cause];
    return judged(
      subjectOfTask(taskId),
      owner !== null && owner !== fromNodeId && `moved from ${fromNodeId}, and ${owner} carries it`,
      failed &&
        (!from || !failed(from)) &&
        `moved for ${cause}, and ${fromNodeId} is ${from?.cause ?? from?.state ?? 'unknown'}`,
    );
  },
};

/** A node is never planned full: what runs beside the plan needs room too. */
const USABLE = 0.9;
/** Sums of fractions. */
const ROUNDING = 1 + 1e-9;

export const B2: LogPredicate = {
  id: 'B2',
  text: 'only open nodes get work, and none more than it has room for, both ends of a move counted',
  whole: true,
  notJudged: 'zones: no task asks for one',
  see(event, { tables }) {
    // What goes on where it was takes no new room.
    if (!isOrder(event) || event.data.cause === 'nodeStarted' || event.data.cause === 'kept') return undefined;
    const { clusterId, taskId, nodeId } = event.data;
    const table = tables.get(clusterId);
    const task = table?.tasks.get(taskId);
    const node = table?.nodes.get(nodeId);
    if (!table || !task || !node) return undefined;
    return judged(
      subjectOfTask(taskId),
      node.state !== 'open' && `given to ${nodeId}, which is ${node.cause ?? node.state}`,
      node.draining && `given to ${nodeId}, which is drained`,
      overloads(table, { task, nodeId }),
    );
  },
};

function overloads(table: TableState, { task, nodeId }: { task: TableTask; nodeId: string }): string | null {
  if (task.kind === 'serve') return null;
  const load = table.loadOf(nodeId) + (placesOf(task).includes(nodeId) ? 0 : task.cost);
  const room = USABLE * (table.nodes.get(nodeId)?.budget ?? 0);
  return load > room * ROUNDING
    ? `${nodeId} carries ${Math.round(load)} B/s, and has room for ${Math.round(room)}`
    : null;
}

export const B3: LogPredicate = {
  id: 'B3',
  text: 'an accepted task is running, moving, or parked with a reason',
  whole: true,
  notJudged: 'what was told in the last minute of the log: it may still lead to something',
  see(event, { tables }) {
    if (!isOrder(event)) return undefined;
    const { clusterId, taskId } = event.data;
    const known = tables.get(clusterId)?.tasks.has(taskId);
    return judged(subjectOfTask(taskId), !known && 'ordered, and it was never admitted or has ended');
  },
  end: (world) => [...world.tables.values()].flatMap((table) => leftAlone(table, world)),
};

function leftAlone(table: TableState, world: World): Case[] {
  // Under a brake everything waits, and after it everything is looked at.
  if (table.brakes.size > 0) return [];
  const open = [...table.nodes.values()].some(({ state }) => state === 'open');
  return [...table.tasks.values()].flatMap((task) => {
    const { phase, since, taskId, nodeId, notBefore, told } = task;
    if (!world.isSettled(since)) return [];
    const node = nodeId === null ? undefined : table.nodes.get(nodeId);
    const lost = node?.state === 'closed' && world.isSettled(node.since) && open && !told;
    return [
      judged(
        subjectOfTask(taskId),
        phase === 'pending' && !told && open && 'it waits, and nobody said for what',
        phase === 'retrying' &&
          notBefore !== null &&
          world.isSettled(notBefore) &&
          open &&
          !told &&
          `to be tried again at ${notBefore}, and was not`,
        phase !== 'retrying' && lost && `left to ${nodeId}, which is ${node?.cause}`,
      ),
    ];
  });
}
