import type { Told } from './event';

export interface TableNode {
  readonly state: 'open' | 'cordoned' | 'closed';
  readonly cause: string | null;
  readonly since: string;
  /** Bytes per second of background work. */
  readonly budget: number;
  readonly draining: boolean;
}

export interface TableTask {
  readonly taskId: string;
  readonly kind: string;
  readonly subject: string;
  readonly cost: number;
  readonly phase: 'pending' | 'freezing' | 'assigned' | 'held' | 'running' | 'stopping' | 'retrying' | 'parked';
  readonly since: string;
  readonly nodeId: string | null;
  /** Where it goes once it has stopped: counted there already. */
  readonly toNodeId: string | null;
  readonly epoch: number;
  readonly notBefore: string | null;
  /** Why it waits was told. */
  readonly told: boolean;
  /** The system whose points it reads. */
  readonly reads: string | null;
  /** The backup that it reads, or is filled from: `system/point`. */
  readonly uses: string | null;
}

const carries: ReadonlySet<TableTask['phase']> = new Set(['assigned', 'held', 'running', 'stopping']);

/** Who carries what in one cluster, by its routing table's own stream. */
export class TableState {
  readonly brakes = new Set<string>();
  readonly nodes = new Map<string, TableNode>();
  readonly tasks = new Map<string, TableTask>();
  private readonly load = new Map<string, number>();

  /** Of background work; both ends of a move. */
  loadOf(nodeId: string): number {
    return this.load.get(nodeId) ?? 0;
  }

  advance(event: Told): void {
    switch (event.type) {
      case 'PlacementHeld':
        this.brakes.add(event.data.brake);
        break;
      case 'PlacementResumed':
        this.brakes.delete(event.data.brake);
        break;
      case 'TaskAdmitted':
        this.put(admitted(event.data));
        break;
      case 'TaskCompleted':
      case 'TaskCancelled':
        this.remove(event.data.taskId);
        break;
      default:
        this.advanceNode(event);
        this.advanceTask(event);
    }
  }

  private advanceNode(event: Told): void {
    switch (event.type) {
      case 'NodeOpened': {
        const { nodeId, budget, at } = event.data;
        const draining = this.nodes.get(nodeId)?.draining ?? false;
        this.nodes.set(nodeId, { state: 'open', cause: null, since: at, budget, draining });
        this.backWith(nodeId);
        break;
      }
      case 'NodeCordoned':
        return this.changeNode(event.data.nodeId, { state: 'cordoned', cause: event.data.cause, since: event.data.at });
      case 'NodeClosed':
        return this.changeNode(event.data.nodeId, { state: 'closed', cause: event.data.cause, since: event.data.at });
      case 'NodeDrainStarted':
        return this.changeNode(event.data.nodeId, { draining: true });
      case 'NodeDrainStopped':
        return this.changeNode(event.data.nodeId, { draining: false });
      default:
    }
  }

  private advanceTask(event: Told): void {
    switch (event.type) {
      case 'PointOrdered':
        return this.change(event.data, { phase: 'freezing', told: false });
      case 'PointConfirmed':
      case 'TaskReopened':
        return this.change(event.data, { phase: 'pending', told: false, nodeId: null });
      case 'TaskAssigned':
      case 'TaskMoved': {
        const { nodeId, epoch } = event.data;
        return this.change(event.data, { phase: 'assigned', nodeId, epoch, toNodeId: null, told: false });
      }
      case 'TaskStartConfirmed':
        return this.change(event.data, { phase: 'running', uses: event.data.kind === 'serve' ? null : undefined });
      case 'TaskHeld':
        return this.change(event.data, { phase: 'held' });
      case 'TaskRecalled':
        return this.change(event.data, { phase: 'stopping', toNodeId: event.data.toNodeId ?? null });
      case 'TaskDeferred':
        return this.change(event.data, { told: true });
      case 'TaskRetryScheduled':
        return this.change(event.data, this.retrying(event.data));
      case 'TaskParked':
        return this.change(event.data, { phase: 'parked', nodeId: null, toNodeId: null });
      default:
    }
  }

  /** Its owner is back: why it waited is over, and has to be told anew. */
  private backWith(nodeId: string): void {
    for (const task of this.tasks.values()) if (task.nodeId === nodeId && task.told) this.put({ ...task, told: false });
  }

  /** A system stays its owner's until another has it; other work is nobody's between two attempts. */
  private retrying({ taskId, notBefore }: { taskId: string; notBefore: string }): Partial<TableTask> {
    const owner = this.tasks.get(taskId)?.kind === 'serve' ? {} : { nodeId: null };
    return { phase: 'retrying', notBefore, toNodeId: null, ...owner };
  }

  private changeNode(nodeId: string, change: Partial<TableNode>): void {
    const node = this.nodes.get(nodeId);
    if (node) this.nodes.set(nodeId, { ...node, ...change });
  }

  /** `undefined` leaves a field as it is. */
  private change(
    { taskId, at }: { taskId: string; at: string },
    change: { [Field in keyof TableTask]?: TableTask[Field] | undefined },
  ): void {
    const task = this.tasks.get(taskId);
    if (!task) return;
    const changed = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
    this.put({ ...task, since: at, ...changed });
  }

  private put(task: TableTask): void {
    this.remove(task.taskId);
    this.tasks.set(task.taskId, task);
    this.weigh(task, 1);
  }

  private remove(taskId: string): void {
    const task = this.tasks.get(taskId);
    if (task) this.weigh(task, -1);
    this.tasks.delete(taskId);
  }

  private weigh(task: TableTask, sign: 1 | -1): void {
    for (const nodeId of placesOf(task)) this.load.set(nodeId, this.loadOf(nodeId) + sign * task.cost);
  }
}

/** The nodes whose budget it takes from. */
export function placesOf({ kind, phase, nodeId, toNodeId }: TableTask): string[] {
  if (kind === 'serve' || !carries.has(phase)) return [];
  return [...new Set([nodeId, toNodeId])].filter((place) => place !== null);
}

function admitted({ taskId, kind, subject, cost, spec, at }: (Told & { type: 'TaskAdmitted' })['data']): TableTask {
  const backup = 'backup' in spec ? spec.backup : 'fromBackup' in spec ? spec.fromBackup : undefined;
  return {
    ...{ taskId, kind, subject, cost, since: at },
    phase: 'pending',
    nodeId: null,
    toNodeId: null,
    epoch: 0,
    notBefore: null,
    told: false,
    reads: 'pointId' in spec ? spec.systemId : null,
    uses: backup ? `${backup.systemId}/${backup.pointId}` : null,
  };
}
