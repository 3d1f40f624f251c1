import type { TaskId } from '@holdfast/contracts';
import { invariant } from '@holdfast/kernel';
import { evolveTable, type Known, type RoutingTable, type TableEvent, type Task } from './routing-table';

/** One decision in the making: each event is felt by the next, so that the second orphan sees where the first went. */
export class Decision {
  readonly events: TableEvent[] = [];

  constructor(
    public table: RoutingTable,
    readonly known: Known,
  ) {}

  add(event: TableEvent): this {
    this.events.push(event);
    this.table = evolveTable(this.table, event);
    return this;
  }

  get held(): boolean {
    return this.table.brakes.length > 0;
  }

  task(taskId: TaskId): Task {
    const task = this.table.tasks[taskId];
    invariant(task, `${taskId} is not in the table of ${this.known.clusterId}`);
    return task;
  }
}

/** What every event about a task carries. */
export function ofTask({ taskId, systemId }: Pick<Task, 'taskId' | 'systemId'>, { clusterId, at }: Known) {
  return { clusterId, taskId, kind: 'serve' as const, subject: `system/${systemId}`, at };
}
