import type { ClusterId, Instant, TaskId } from '@holdfast/contracts';
import { counter, gauge, histogram, onScrape } from '@holdfast/observability';
import { valuesOf } from './domain/persistent-map';
import type { RoutingTable, TableEvent } from './domain/routing-table';
import { isServe, type Task } from './domain/task';
import { msBetween } from './domain/time';

const KINDS: readonly Task['kind'][] = ['serve', 'snapshot', 'scrub'];
const STATES: readonly Task['phase'][] = [
  ...(['pending', 'freezing', 'assigned', 'held', 'running', 'stopping', 'retrying', 'parked'] as const),
];

interface Move {
  readonly at: Instant;
  readonly cause: string;
  /** When its node was found to be gone, if that is why it moved. */
  readonly lostAt: Instant | null;
}

/** What is served, what works and what waits, and how long it takes until somebody else goes on. */
export class PlacementMetrics {
  private readonly withoutHolder = gauge('systems_without_holder', 'Systems to be served that no node has taken', [
    'cluster',
  ]);
  private readonly tasks = gauge('tasks', 'Open tasks, serving among them', ['cluster', 'kind', 'state']);
  private readonly onDownNodes = gauge('tasks_on_down_nodes', 'Tasks whose node is gone and that no other has', [
    'cluster',
  ]);
  private readonly takeoverSeconds = histogram(
    'system_takeover_seconds',
    'From the decision to move a system to its service elsewhere',
    ['cluster', 'reason'],
  );
  private readonly failoverSeconds = histogram(
    'task_failover_seconds',
    'From the verdict on a node to its task at work elsewhere',
    ['cluster', 'kind'],
  );
  private readonly decisions = counter('placement_decisions_total', 'Orders to nodes', ['cluster', 'cause']);
  private readonly tables = new Map<ClusterId, RoutingTable>();
  private readonly moves = new Map<TaskId, Move>();

  constructor() {
    onScrape(() => this.tables.forEach((table, cluster) => this.show(cluster, table)));
  }

  note(cluster: ClusterId, table: RoutingTable, events: readonly TableEvent[]): void {
    this.tables.set(cluster, table);
    for (const event of events) this.noteEvent(cluster, table, event);
  }

  private noteEvent(cluster: ClusterId, { nodes }: RoutingTable, { type, data }: TableEvent): void {
    if (type === 'TaskAssigned' || type === 'TaskMoved') this.decisions.inc({ cluster, cause: data.cause });
    if (type === 'TaskMoved') {
      const from = nodes[data.fromNodeId];
      const lostAt = from?.state === 'closed' ? from.since : null;
      this.moves.set(data.taskId, { at: data.at, cause: data.cause, lostAt });
    }
    if (type === 'TaskCancelled' || type === 'TaskCompleted') this.moves.delete(data.taskId);
    if (type !== 'TaskStartConfirmed') return;
    const { taskId, kind, at } = data;
    const move = this.moves.get(taskId);
    this.moves.delete(taskId);
    if (!move) return;
    const seconds = msBetween(move.at, at) / 1_000;
    if (kind === 'serve') this.takeoverSeconds.observe({ cluster, reason: move.cause }, seconds);
    if (move.lostAt) this.failoverSeconds.observe({ cluster, kind }, msBetween(move.lostAt, at) / 1_000);
  }

  private show(cluster: ClusterId, { tasks, nodes }: RoutingTable): void {
    const all = valuesOf(tasks);
    const isOnDownNode = ({ nodeId }: Task) => nodeId !== null && nodes[nodeId]?.state === 'closed';
    const isHeld = (task: Task) => task.phase === 'running' && task.nodeId !== null && !isOnDownNode(task);
    this.withoutHolder.set({ cluster }, all.filter((task) => isServe(task) && !isHeld(task)).length);
    this.onDownNodes.set({ cluster }, all.filter(isOnDownNode).length);
    for (const kind of KINDS) {
      const ofKind = all.filter((task) => task.kind === kind);
      for (const state of STATES) {
        this.tasks.set({ cluster, kind, state }, ofKind.filter(({ phase }) => phase === state).length);
      }
    }
  }
}
