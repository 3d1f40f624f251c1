import {
  NodeClosed,
  NodeCordoned,
  NodeDeclaredDown,
  NodeFoundImpaired,
  NodeFoundIsolated,
  NodeInventoryReported,
  NodeJoined,
  NodeOpened,
  NodeRecovered,
  NodeRestarted,
  NodeRetired,
  NodeStarted,
  NodeSuspected,
  NodeSuspicionWithdrawn,
  VerdictWithheld,
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
  incarnation: string | null;
  impairment: { part: string; code: string } | null;
  /** A verdict that a brake forbids. */
  withheld: { verdict: string; brake: string } | null;
  placement: { state: 'unknown' | 'open' | 'cordoned' | 'closed'; cause: string | null };
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
  incarnation: null,
  impairment: null,
  withheld: null,
  placement: { state: 'unknown', cause: null },
});

function becomes(row: NodeRow | undefined, nodeId: string, change: Partial<NodeRow>): NodeRow {
  return { ...(row ?? unheardOf(nodeId)), impairment: null, withheld: null, ...change };
}

function update(row: NodeRow | undefined, nodeId: string, change: Partial<NodeRow>): NodeRow {
  return { ...(row ?? unheardOf(nodeId)), ...change };
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
    becomes(row, data.nodeId, { status: 'healthy', since: data.at }),
  ),
  on(VerdictWithheld, ofNode, (row, { data }) =>
    update(row, data.nodeId, { withheld: { verdict: data.verdict, brake: data.brake } }),
  ),
  on(NodeDeclaredDown, ofNode, (row, { data }) => becomes(row, data.nodeId, { status: 'down', since: data.at })),
  on(NodeFoundIsolated, ofNode, (row, { data }) => becomes(row, data.nodeId, { status: 'isolated', since: data.at })),
  on(NodeFoundImpaired, ofNode, (row, { data: { nodeId, at, part, code } }) =>
    becomes(row, nodeId, { status: 'impaired', since: at, impairment: { part, code } }),
  ),
  on(NodeRecovered, ofNode, (row, { data: { nodeId, at, incarnation } }) =>
    becomes(row, nodeId, { status: 'healthy', since: at, incarnation }),
  ),
  on(NodeRestarted, ofNode, (row, { data }) => update(row, data.nodeId, { incarnation: data.incarnation })),
  on(NodeStarted, ofNode, (row, { data }) => update(row, data.nodeId, { incarnation: data.incarnation })),
  on(NodeInventoryReported, ofNode, (row, { data }) => update(row, data.nodeId, { engineVersion: data.engineVersion })),

  on(NodeOpened, ofNode, (row, { data }) => update(row, data.nodeId, { placement: { state: 'open', cause: null } })),
  on(NodeCordoned, ofNode, (row, { data }) =>
    update(row, data.nodeId, { placement: { state: 'cordoned', cause: data.cause } }),
  ),
  on(NodeClosed, ofNode, (row, { data }) =>
    update(row, data.nodeId, { placement: { state: 'closed', cause: data.cause } }),
  ),
]);
