import type { NodeId } from '@holdfast/contracts';
import { valuesOf } from './persistent-map';
import { backgroundLimits, type Candidate, type Limits, seedOf, systemLimits } from './placement';
import type { RoutingTable } from './routing-table';
import type { Task } from './task';

/** What the nodes of one table carry by one measure, kept up while a decision is made: it may place many tasks. */
class Load {
  readonly candidates: Candidate[];
  private readonly byNode: Map<NodeId, { load: number }>;
  /** Costs of all open tasks, placed or not: what is to be shared. */
  total = 0;

  constructor(
    nodes: RoutingTable['nodes'],
    readonly limits: Limits,
  ) {
    const carriers = Object.values(nodes).map(({ nodeId, budget }) => ({
      nodeId,
      budget,
      seed: seedOf(nodeId),
      load: 0,
    }));
    this.candidates = carriers;
    this.byNode = new Map(carriers.map((carrier) => [carrier.nodeId, carrier]));
  }

  change(task: Task, sign: 1 | -1): void {
    if (task.phase !== 'parked') this.total += sign * task.cost;
    for (const nodeId of placesOf(task)) {
      const carrier = this.byNode.get(nodeId);
      if (carrier) carrier.load += sign * task.cost;
    }
  }
}

/** Systems are counted, each costing one; background tasks are weighed in bytes per second. */
export class Loads {
  private readonly systems: Load;
  private readonly background: Load;

  constructor({ nodes, tasks }: Pick<RoutingTable, 'nodes' | 'tasks'>) {
    this.systems = new Load(nodes, systemLimits);
    this.background = new Load(nodes, backgroundLimits);
    for (const task of valuesOf(tasks)) this.change(task, 1);
  }

  for({ kind }: Pick<Task, 'kind'>): Load {
    return kind === 'serve' ? this.systems : this.background;
  }

  replace(before: Task | undefined, after: Task | undefined): void {
    if (before === after) return;
    if (before) this.change(before, -1);
    if (after) this.change(after, 1);
  }

  private change(task: Task, sign: 1 | -1): void {
    this.for(task).change(task, sign);
  }
}

/** The nodes that have room set aside for it: of a move, both ends. */
export function placesOf({ nodeId, recall }: Pick<Task, 'nodeId' | 'recall'>): NodeId[] {
  return [nodeId, recall?.toNodeId].filter((place) => place != null);
}
