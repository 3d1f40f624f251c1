import type { Outlook } from './outlook';

export type Verb = 'kill' | 'pause' | 'resume' | 'start' | 'stop';

/** Of a service, Kafka or PostgreSQL. */
export function afterPart(verb: Verb, target: string): string {
  if (verb === 'stop') return `stays stopped until: holdfast lab start ${target}; clients read and write on`;
  if (verb === 'kill') return 'back within seconds by itself; clients read and write on, nothing moves';
  return verb === 'start' ? 'ready within seconds' : 'nothing moves, clients read and write on';
}

/** Of a node. Said before it is done: afterwards nobody serves there any more. */
export function afterNode(verb: Verb, outlook: Outlook): string {
  if (verb === 'start') return afterStart(outlook);
  if (verb === 'resume') return 'what was passed by a higher claim is killed by its watchdog within 0.5 s';
  const { maintenanceUntil, heldBy } = outlook;
  if (maintenanceUntil !== null)
    return `no verdict before its maintenance ends at ${maintenanceUntil.slice(11, 19)}; until then ${standstill(outlook)}`;
  if (heldBy !== null) return `no verdict while its cluster is held (${heldBy}); until then ${standstill(outlook)}`;
  return afterVerdict(verb, outlook);
}

function afterStart({ serves }: Outlook): string {
  const systems = serves.length > 0 ? `it serves ${serves.join(', ')} again` : 'systems stay where they are';
  return `recovered after three heartbeats, 3–4 s; ${systems}, new work goes elsewhere first for 60 s`;
}

function standstill({ serves, carries }: Outlook): string {
  const parts = [
    ...(serves.length > 0 ? [`${serves.join(', ')} unserved`] : []),
    ...(carries.length > 0 ? [`${tasksOf(carries)} at a standstill`] : []),
  ];
  return parts.join(', ') || 'nothing moves; it serves nothing';
}

function afterVerdict(verb: Verb, outlook: Outlook): string {
  const { serves, carries, peers, takers, drained } = outlook;
  const served = serves.join(', ');
  if (takers === 0) {
    const stays = peers === 0 ? 'suspect after 4–5 s' : `down in ${secondsWith(peers)}`;
    const undrain = drained.map((nodeId) => `, or holdfast drain ${nodeId} --stop`).join('');
    return `${stays}, and no other node can take over ${served || 'anything'}: start it${undrain}`;
  }
  const follows = [systemsAfter(verb, served), tasksAfter(carries)].filter(Boolean);
  const warning = freezeWarning(outlook);
  if (follows.length > 0) return `down in ${secondsWith(peers)}, ${follows.join(', ')}${warning}`;
  return `suspect, then down in ${secondsWith(peers)}; it serves nothing, nothing moves${outlook.anotherIsSilent ? warning : ''}`;
}

/** One peer alone is given half a waiting time more. */
const secondsWith = (peers: number): string => (peers === 1 ? '7–8 s' : '5–6 s');

function freezeWarning({ peers, anotherIsSilent }: Outlook): string {
  if (anotherIsSilent) return '; another node is silent too: the cluster may freeze';
  return peers === 2 ? '; a second kill within 10 s may freeze the cluster' : '';
}

function systemsAfter(verb: Verb, served: string): string {
  if (!served) return '';
  const where = verb === 'pause' ? 'elsewhere only once it wakes or dies: a paused daemon keeps its lock' : 'elsewhere';
  return `${served} served ${where}`;
}

/** A paused worker's too: when it wakes, nobody reads what it writes. */
function tasksAfter(carries: readonly string[]): string {
  if (carries.length === 0) return '';
  return carries.length === 1
    ? `${tasksOf(carries)} goes on elsewhere from its last sealed piece`
    : `${tasksOf(carries)} go on elsewhere from their last sealed piece`;
}

const tasksOf = (carries: readonly string[]): string =>
  carries.length === 1 ? `its task ${carries[0]}` : `its ${carries.length} tasks`;
