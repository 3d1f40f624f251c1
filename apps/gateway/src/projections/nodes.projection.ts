import {
  NodeClosed,
  NodeCordoned,
  NodeDeclaredDown,
  NodeDrained,
  NodeDrainOverdue,
  NodeDrainStarted,
  NodeDrainStopped,
  NodeFoundImpaired,
  NodeFoundIsolated,
  NodeFoundPartitioned,
  NodeInventoryReported,
  NodeJoined,
  NodeMaintenanceEnded,
  NodeMaintenanceStarted,
  NodeOpened,
  NodeRecovered,
  NodeRestarted,
  NodeRetired,
  NodeStarted,
  NodeSuspected,
  NodeSuspicionWithdrawn,
  TaskAssigned,
  TaskCancelled,
  TaskCompleted,
  TaskDeferred,
  TaskMoved,
  TaskParked,
  TaskRetryScheduled,
  VerdictWithheld,
  type EventOf,
  type Instant,
  type NodeStatus,
} from '@holdfast/contracts';
import { defineProjection, rulesFor } from './projection';

export interface NodeRow {
  nodeId: string;
  /** Health and placement may be heard before the registration: until then the row is not shown. */
  membership: 'unknown' | 'member' | 'retired';
  clusterId: string | null;
  zone: string | null;
  dataAddress: string | null;
  engineVersion: string | null;
  capacity: { bytesPerSec: number } | null;
  status: NodeStatus;
  since: Instant | null;
  /** When it was last heard again after a silence. */
  heardAgainAt: Instant | null;
  incarnation: string | null;
  impairment: { part: string; code: string } | null;
  /** A verdict that a brake forbids, until it is heard anew or judged after all. Rows of older builds lack the `at`. */
  withheld: { verdict: string; brake: string; at?: Instant } | null;
  placement: {
    state: 'unknown' | 'open' | 'cordoned' | 'closed';
    cause: string | null;
    /** Bytes per second that background work may cost here. */
    budget: number | null;
    /** Until then nothing comes home to it. */
    holdUntil: Instant | null;
  };
  /** Planned work: no verdict until then. */
  maintenance: { until: Instant; since: Instant; reason: string; by: string; drain: boolean } | null;
  /** Everything leaves the node. `total`: what it carried when that began. */
  drain: Drain | null;
  /** What it was ordered to carry, with its cost in bytes per second; null: it serves a system. */
  carries: Record<string, number | null>;
}

export interface Drain {
  state: 'draining' | 'overdue' | 'drained';
  since: Instant;
  deadlineAt: Instant;
  force: boolean;
  by: 'operator' | 'maintenance';
  total: number;
  /** When something last left it. */
  movedAt: Instant;
}

const on = rulesFor<NodeRow>();
const ofNode = ({ data }: { data: { nodeId: string } }) => data.nodeId;

const unheardOf = (nodeId: string): NodeRow => ({
  nodeId,
  membership: 'unknown',
  clusterId: null,
  zone: null,
  dataAddress: null,
  engineVersion: null,
  capacity: null,
  status: 'joining',
  since: null,
  heardAgainAt: null,
  incarnation: null,
  impairment: null,
  withheld: null,
  placement: { state: 'unknown', cause: null, budget: null, holdUntil: null },
  maintenance: null,
  drain: null,
  carries: {},
});

function becomes(row: NodeRow | undefined, nodeId: string, change: Partial<NodeRow>): NodeRow {
  return { ...(row ?? unheardOf(nodeId)), impairment: null, withheld: null, ...change };
}

function update(row: NodeRow | undefined, nodeId: string, change: Partial<NodeRow>): NodeRow {
  return { ...(row ?? unheardOf(nodeId)), ...change };
}

/** Its budget stays: it is how large the node is, not whether it is used. */
function restricted(
  row: NodeRow | undefined,
  nodeId: string,
  { state, cause }: Pick<NodeRow['placement'], 'state' | 'cause'>,
): NodeRow {
  const { placement } = row ?? unheardOf(nodeId);
  return update(row, nodeId, { placement: { ...placement, state, cause } });
}

type Order = EventOf<typeof TaskAssigned> | EventOf<typeof TaskMoved>;

function carrying(row: NodeRow | undefined, { data }: Order, key: string): NodeRow | undefined {
  const { nodeId, clusterId, taskId, spec } = data;
  if (key !== nodeId) return leaving(row, { data });
  const cost = 'bytesPerSec' in spec ? spec.bytesPerSec : null;
  return update(row, nodeId, { clusterId, carries: { ...row?.carries, [taskId]: cost } });
}

type OfTask = { data: { taskId: string; at: Instant } };

function leaving(row: NodeRow | undefined, { data: { taskId, at } }: OfTask): NodeRow | undefined {
  if (!row || !(taskId in row.carries)) return row;
  const { [taskId]: _, ...carries } = row.carries;
  return { ...row, carries, drain: row.drain && { ...row.drain, movedAt: at } };
}

/** Told of a task alone: whichever node of the cluster has it. */
const ofAnyNode = ({ data }: { data: { clusterId: string } }) => ({ field: 'clusterId', equals: data.clusterId });

function drainBecomes(row: NodeRow | undefined, nodeId: string, state: Drain['state']): NodeRow | undefined {
  return row?.drain ? update(row, nodeId, { drain: { ...row.drain, state } }) : row;
}

export const nodesProjection = defineProjection<NodeRow>('nodes', [
  on(NodeJoined, ofNode, (row, { data, at }) => {
    const before = row && row.membership !== 'retired' ? row : unheardOf(data.nodeId);
    const { clusterId, zone, dataAddress, engineVersion, capacity } = data;
    const since = before.since ?? at;
    return { ...before, membership: 'member', clusterId, zone, dataAddress, engineVersion, capacity, since };
  }),
  on(NodeRetired, ofNode, (row, { data, at }) => becomes(row, data.nodeId, { membership: 'retired', since: at })),

  on(NodeSuspected, ofNode, (row, { data }) => becomes(row, data.nodeId, { status: 'suspect', since: data.at })),
  on(NodeSuspicionWithdrawn, ofNode, (row, { data }) =>
    becomes(row, data.nodeId, {
      ...{ status: 'healthy', since: data.at },
      ...(data.reason === 'heartbeat' && { heardAgainAt: data.at }),
    }),
  ),
  on(VerdictWithheld, ofNode, (row, { data }) =>
    update(row, data.nodeId, { withheld: { verdict: data.verdict, brake: data.brake, at: data.at } }),
  ),
  on(NodeDeclaredDown, ofNode, (row, { data }) => becomes(row, data.nodeId, { status: 'down', since: data.at })),
  on(NodeFoundIsolated, ofNode, (row, { data }) => becomes(row, data.nodeId, { status: 'isolated', since: data.at })),
  on(NodeFoundImpaired, ofNode, (row, { data: { nodeId, at, part, code } }) =>
    becomes(row, nodeId, { status: 'impaired', since: at, impairment: { part, code } }),
  ),
  on(NodeFoundPartitioned, ofNode, (row, { data }) =>
    becomes(row, data.nodeId, { status: 'partitioned', since: data.at }),
  ),
  on(NodeRecovered, ofNode, (row, { data: { nodeId, at, incarnation, fromStatus } }) => {
    const wasSilent = fromStatus === 'down' || fromStatus === 'suspect';
    return becomes(row, nodeId, {
      ...{ status: 'healthy', since: at, incarnation },
      ...(wasSilent && { heardAgainAt: at }),
    });
  }),
  on(NodeRestarted, ofNode, (row, { data: { nodeId, incarnation, at } }) =>
    update(row, nodeId, { incarnation, ...(row?.withheld && { withheld: null, heardAgainAt: at }) }),
  ),
  on(NodeStarted, ofNode, (row, { data }) => update(row, data.nodeId, { incarnation: data.incarnation })),
  on(NodeInventoryReported, ofNode, (row, { data }) => update(row, data.nodeId, { engineVersion: data.engineVersion })),

  on(NodeMaintenanceStarted, ofNode, (row, { data: { nodeId, at, until, reason, by, drain } }) =>
    update(row, nodeId, { maintenance: { until, since: at, reason, by, drain } }),
  ),
  on(NodeMaintenanceEnded, ofNode, (row, { data }) => update(row, data.nodeId, { maintenance: null, withheld: null })),

  on(NodeOpened, ofNode, (row, { data: { nodeId, budget, holdUntil = null } }) =>
    update(row, nodeId, { placement: { state: 'open', cause: null, budget, holdUntil } }),
  ),
  on(NodeCordoned, ofNode, (row, { data }) => restricted(row, data.nodeId, { state: 'cordoned', cause: data.cause })),
  on(NodeClosed, ofNode, (row, { data }) => restricted(row, data.nodeId, { state: 'closed', cause: data.cause })),

  on(NodeDrainStarted, ofNode, (row, { data: { nodeId, at, deadlineAt, force, by } }) => {
    // Asked for again, it has another deadline; what has left since the beginning stays counted.
    const { since = at, total = Object.keys(row?.carries ?? {}).length } = row?.drain ?? {};
    return update(row, nodeId, { drain: { state: 'draining', since, deadlineAt, force, by, total, movedAt: at } });
  }),
  on(NodeDrainOverdue, ofNode, (row, { data }) => drainBecomes(row, data.nodeId, 'overdue')),
  on(NodeDrained, ofNode, (row, { data }) => drainBecomes(row, data.nodeId, 'drained')),
  on(NodeDrainStopped, ofNode, (row, { data }) => update(row, data.nodeId, { drain: null })),

  on(TaskAssigned, ofNode, carrying),
  on(TaskMoved, ({ data }) => [{ key: data.fromNodeId }, { key: data.nodeId }], carrying),
  on(TaskCompleted, ofNode, leaving),
  // A system stays with its owner until another node can take it.
  on(TaskDeferred, ofAnyNode, (row, event) => (event.data.kind === 'serve' ? row : leaving(row, event))),
  on(TaskRetryScheduled, ofAnyNode, leaving),
  on(TaskParked, ofAnyNode, leaving),
  on(TaskCancelled, ofAnyNode, leaving),
]);
