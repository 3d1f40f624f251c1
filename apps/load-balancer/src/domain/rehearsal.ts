import type { TaskRecalled } from '@holdfast/contracts';
import { fold } from '@holdfast/kernel';
import type { DataOf } from './data-of';
import { valuesOf } from './persistent-map';
import type { Known, RoutingTable, TableEvent } from './routing-table';
import { routingTableDecider, type TableAction } from './routing-table.decider';
import type { Task } from './task';

/** More than this is no plan that anybody reads: it is given up as it stands. */
const DECISIONS_AT_MOST = 10_000;

/** What the decider would do, with every agent obeying at once and no brake on. Nothing of it is appended. */
export class Rehearsal {
  readonly events: TableEvent[] = [];

  private constructor(
    public table: RoutingTable,
    private readonly known: Known,
    private decisions = 0,
  ) {}

  /** What is underway has arrived, before anything new is begun. */
  static settled(table: RoutingTable, known: Known): Rehearsal {
    const arrivals = new Rehearsal({ ...table, brakes: [] }, known);
    for (const task of valuesOf(table.tasks)) {
      const arrival = underway(task);
      if (arrival) arrivals.run(arrival);
    }
    return new Rehearsal(arrivals.table, known, arrivals.decisions);
  }

  /** Decides, and what that leads to, until everything is where it shall be. */
  run(action: TableAction): void {
    const pending: TableAction[] = [action];
    for (let next = pending.shift(); next && this.decisions < DECISIONS_AT_MOST; next = pending.shift()) {
      this.decisions += 1;
      const events = routingTableDecider.decide({ ...next, ...this.known }, this.table);
      this.table = fold(routingTableDecider, events, this.table);
      this.events.push(...events);
      pending.push(...events.flatMap((event) => answerTo(event) ?? []));
    }
  }
}

/** What the agent would say to an order. */
function answerTo({ type, data }: TableEvent): TableAction | null {
  switch (type) {
    case 'TaskAssigned':
    case 'TaskMoved':
      return taken(data);
    case 'TaskRecalled':
      return { type: 'NoteStopped', ...about(data), token: null, doneBytes: 0 };
    case 'PointOrdered':
      return { type: 'NotePointFrozen', ...about(data), k: 1, frozenAt: data.at };
    default:
      return null;
  }
}

type Order = Pick<DataOf<typeof TaskRecalled>, 'nodeId' | 'taskId' | 'epoch'>;

function underway(task: Task): TableAction | null {
  const { nodeId, taskId, epoch, phase, since } = task;
  if (phase === 'freezing' && task.kind === 'snapshot' && task.freeze) {
    return { type: 'NotePointFrozen', taskId, ...task.freeze, k: 1, frozenAt: since };
  }
  if (!nodeId) return null;
  if (phase === 'assigned' || phase === 'held') return taken({ nodeId, taskId, epoch });
  return phase === 'stopping' ? { type: 'NoteStopped', nodeId, taskId, epoch, token: null, doneBytes: 0 } : null;
}

const about = ({ nodeId, taskId, epoch }: Order): Order => ({ nodeId, taskId, epoch });
const taken = (order: Order): TableAction => ({ type: 'NoteTaken', ...about(order), tookMs: 0 });
