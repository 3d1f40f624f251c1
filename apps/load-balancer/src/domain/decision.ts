import type { TaskId } from '@holdfast/contracts';
import { invariant } from '@holdfast/kernel';
import { Loads } from './load';
import { lookUp } from './persistent-map';
import { evolveTable, type Known, type RoutingTable, type TableEvent } from './routing-table';
import type { Task } from './task';

/** One decision in the making: each event is felt by the next, so that the second orphan sees where the first went. */
export class Decision {
  readonly events: TableEvent[] = [];
  /** Of background work, points and places ordered so far. */
  orders = 0;
  private carried: Loads | undefined;

  constructor(
    public table: RoutingTable,
    readonly known: Known,
  ) {}

  add(event: TableEvent): this {
    const before = this.table;
    this.events.push(event);
    if (isBackgroundOrder(event)) this.orders += 1;
    this.table = evolveTable(before, event);
    if (this.table.nodes !== before.nodes) this.carried = undefined;
    else if ('taskId' in event.data) {
      this.carried?.replace(lookUp(before.tasks, event.data.taskId), lookUp(this.table.tasks, event.data.taskId));
    }
    return this;
  }

  /** What each node carries now. */
  get loads(): Loads {
    return (this.carried ??= new Loads(this.table));
  }

  get held(): boolean {
    return this.table.brakes.length > 0;
  }

  task(taskId: TaskId): Task {
    const task = lookUp(this.table.tasks, taskId);
    invariant(task, `${taskId} is not in the table of ${this.known.clusterId}`);
    return task;
  }
}

/** What every event about a task carries. */
export function ofTask({ taskId, kind, subject }: Pick<Task, 'taskId' | 'kind' | 'subject'>, { clusterId, at }: Known) {
  return { clusterId, taskId, kind, subject, at };
}

function isBackgroundOrder({ type, data }: TableEvent): boolean {
  return type === 'PointOrdered' || ((type === 'TaskAssigned' || type === 'TaskMoved') && data.kind !== 'serve');
}
