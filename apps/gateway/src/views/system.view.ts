import type { AutomationRow, ClusterRow } from '../projections/clusters.projection';
import type { NodeRow } from '../projections/nodes.projection';
import type { SystemRow } from '../projections/systems.projection';
import { brakeOf, type Brake } from './cluster.view';

export interface Fleet {
  readonly nodes: readonly NodeRow[];
  readonly clusters: readonly ClusterRow[];
  readonly automation: readonly AutomationRow[];
  /** Whether a node's heartbeats stay away; undefined: it is not known, as of all that is past. */
  readonly isSilent?: (nodeId: string) => boolean | undefined;
}

/** What clients of a system notice now, the status of its node, and what a person may do about it. */
export interface SystemStanding {
  readonly serving: SystemRow['serving'];
  readonly nodeId: string | null;
  readonly nodeStatus: NodeRow['status'] | null;
  readonly brake: Brake | undefined;
  readonly remedy: string | null;
}

/**
 * Its own row tells what was ordered and taken; a node that has died since, that a brake keeps from being declared down,
 * or that is suspected while nobody can take over, leaves it unserved.
 */
export function systemStanding(row: SystemRow, fleet: Fleet): SystemStanding {
  const { nodeId } = row;
  const cluster = fleet.clusters.find(({ clusterId }) => clusterId === row.clusterId);
  const node = fleet.nodes.find((one) => one.nodeId === nodeId);
  const brake = brakeOf(cluster, fleet.automation);
  const others = fleet.nodes.filter((other) => other.nodeId !== nodeId && foundDeadAt(other, fleet) === undefined);
  const alone = !others.some((other) => canTakeOver(other, row.clusterId));
  const deadAt = node && foundDeadAt(node, fleet);
  const serving = servingWith(row, { node, deadAt, frozenAt: cluster?.frozen?.since, brake, alone });
  // Asked for by the few that wait for somebody alone: a list has as many systems as nodes to look through.
  const drained = () => others.filter((other) => isDrained(other, row.clusterId));
  const inMaintenance = deadAt !== undefined && node?.maintenance !== null;
  const remedy = remedyOf(serving.state, { nodeId, brake, alone, inMaintenance, drained });
  return { serving, nodeId, nodeStatus: node?.status ?? null, brake, remedy };
}

export function servingOf(row: SystemRow, fleet: Fleet): SystemRow['serving'] {
  return systemStanding(row, fleet).serving;
}

/** A status that ends with an event once the node is heard again. In any other a pause may be over, and nobody told of it. */
const SILENT: readonly NodeRow['status'][] = ['suspect', 'isolated'];

/** A brake forbids to declare it down: since when it would be, unless it has been heard again. Silence alone is no death. */
function foundDeadAt({ nodeId, status, since, withheld }: NodeRow, { isSilent }: Fleet): string | null | undefined {
  if (withheld?.verdict !== 'down' || withheld.brake === 'noEvidence') return undefined;
  const isDead = isSilent?.(nodeId) ?? SILENT.includes(status);
  return isDead ? (withheld.at ?? since) : undefined;
}

interface Circumstances {
  readonly node: NodeRow | undefined;
  readonly deadAt: string | null | undefined;
  readonly frozenAt: string | undefined;
  readonly brake: Brake | undefined;
  readonly alone: boolean;
}

function servingWith({ serving, nodeId }: SystemRow, circumstances: Circumstances): SystemRow['serving'] {
  const { node, deadAt, frozenAt, brake, alone } = circumstances;
  if (serving.state === 'retired') return serving;
  const stuck = brake?.text ?? (alone ? ALONE : undefined);
  if (node?.status === 'down')
    return { state: 'unserved', since: node.since, reason: stuck ?? `${nodeId} is down, another node takes over` };
  if (node?.status === 'suspect' && (frozenAt || alone))
    return { state: 'unserved', since: later(node.since, frozenAt), reason: stuck ?? null };
  if (deadAt !== undefined) return { state: 'unserved', since: deadAt, reason: maintained(node) ?? stuck ?? null };
  if (serving.state === 'pending')
    return { ...serving, reason: brake?.text ?? serving.reason ?? 'no node was chosen yet' };
  if (serving.state !== 'served') return serving;
  // What kept it from moving holds only as long as no node can take over; an outage ended when its node was heard again.
  const since = later(serving.since, node?.heardAgainAt ?? undefined);
  return { state: 'served', since, reason: alone ? (serving.reason ?? ALONE) : null };
}

const maintained = (node: NodeRow | undefined): string | undefined =>
  node?.maintenance
    ? `${node.nodeId} is silent, in maintenance until ${node.maintenance.until.slice(11, 19)}`
    : undefined;

const ALONE = 'no other node can take over';

interface Hindrance {
  readonly nodeId: string | null;
  readonly brake: Brake | undefined;
  readonly alone: boolean;
  /** Its node is off, and nobody is to judge it. */
  readonly inMaintenance: boolean;
  /** The healthy nodes that could take it, were they not drained. */
  drained(): readonly NodeRow[];
}

function remedyOf(state: SystemRow['serving']['state'], hindrance: Hindrance): string | null {
  const { nodeId, brake, alone, inMaintenance, drained } = hindrance;
  if (state !== 'unserved' && state !== 'pending') return null;
  const open = drained().map((node) => `holdfast drain ${node.nodeId} --stop`);
  const undrain = open.map((one) => `, or ${one}`).join('');
  const start = `start ${nodeId} (of a local fleet: holdfast lab start node/${nodeId})`;
  if (state === 'unserved' && brake) return `${brake.remedy}; or ${start}${undrain}`;
  const takeover = [`holdfast maintenance end ${nodeId}`, ...(alone ? open : [])].join(', then ');
  if (inMaintenance && !(alone && open.length === 0)) return `${start}, or let another node take over: ${takeover}`;
  if (state === 'unserved') return alone ? `${start}${undrain}` : 'nothing is to be done: another node takes over';
  return brake?.remedy ?? (alone ? `start a node of its cluster, or register one${undrain}` : null);
}

function canTakeOver(node: NodeRow, clusterId: string | null): boolean {
  return isWell(node, clusterId) && node.placement.state === 'open' && node.drain === null;
}

const isDrained = (node: NodeRow, clusterId: string | null) => isWell(node, clusterId) && node.drain !== null;

function isWell({ membership, status, ...node }: NodeRow, clusterId: string | null): boolean {
  return node.clusterId === clusterId && membership === 'member' && status === 'healthy';
}

function later(a: string | null, b: string | undefined): string | null {
  return b !== undefined && (a === null || b > a) ? b : a;
}

export function systemView(row: SystemRow, fleet: Fleet) {
  const { systemId, clusterId, nodeId, epoch, address, volumes } = row;
  return {
    systemId,
    clusterId,
    nodeId,
    epoch,
    address,
    fromBackup: row.fromBackup,
    exports: row.exports, // not a local name: in CommonJS it would hide the module's own `exports`
    volumes,
    serving: servingOf(row, fleet),
    reservation: null,
  };
}
export type SystemView = ReturnType<typeof systemView>;
