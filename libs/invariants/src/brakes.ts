import type { Told } from './event';
import { judged, type Case } from './predicate';
import { plays } from './vocabulary';
import type { World } from './world';

/** What nobody may be told while placement is held: offers to an agent that began anew, and ends, go on. */
function isHeldBack({ type, data }: Told): boolean {
  if (type === 'TaskAssigned') return data.cause !== 'nodeStarted';
  if (type === 'TaskRecalled') return data.cause !== 'retirement' && data.cause !== 'cancel';
  return plays(type, 'ordered');
}

/** An order in a cluster that this brake holds. */
export function orderUnder(brake: string, event: Told, { tables }: World): Case | undefined {
  if (!plays(event.type, 'ordered') || !isHeldBack(event)) return undefined;
  const { clusterId } = event.data as { clusterId: string };
  const held = tables.get(clusterId)?.brakes.has(brake);
  return judged(`cluster/${clusterId}`, held && `${event.type} while placement is held (${brake})`);
}
