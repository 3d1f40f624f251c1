import type { Told } from './event';
import { judged, type Case } from './predicate';
import type { TableState } from './table-state';
import { plays } from './vocabulary';
import type { World } from './world';

/** What nobody may be told while placement is held. What an agent that began anew is told again, and ends, go on. */
function isHeldBack({ type, data }: Told, table: TableState): boolean {
  if (type === 'TaskAssigned') return data.cause !== 'nodeStarted';
  if (type !== 'TaskRecalled') return plays(type, 'ordered');
  const isRepeated = table.tasks.get(data.taskId)?.phase === 'stopping';
  return !isRepeated && data.cause !== 'retirement' && data.cause !== 'cancel';
}

/** An order in a cluster that this brake holds. */
export function orderUnder(brake: string, event: Told, { tables }: World): Case | undefined {
  if (!plays(event.type, 'ordered')) return undefined;
  const { clusterId } = event.data as { clusterId: string };
  const table = tables.get(clusterId);
  if (!table || !isHeldBack(event, table)) return undefined;
  return judged(`cluster/${clusterId}`, table.brakes.has(brake) && `${event.type} while placement is held (${brake})`);
}
