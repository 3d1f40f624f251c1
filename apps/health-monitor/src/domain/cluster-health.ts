import type {
  ClusterFrozen,
  ClusterSightLost,
  ClusterSightRegained,
  ClusterThawed,
  ClusterThawRejected,
  NodeDeclaredDown,
  NodeDownRejected,
  NodeFoundImpaired,
  NodeFoundIsolated,
  NodeFoundPartitioned,
  NodeMaintenanceEnded,
  NodeMaintenanceRejected,
  NodeMaintenanceStarted,
  NodeRecovered,
  NodeRestarted,
  NodeSuspected,
  NodeSuspicionWithdrawn,
  NodeUnwatched,
  NodeWatched,
  ProbePlanIssued,
  VerdictWithheld,
  EventsOf,
  Incarnation,
  NodeId,
  NodeStatus,
} from '@holdfast/contracts';
import type { Fault } from './impairment';
import { DOWNS_REMEMBERED } from './numbers';

export type HealthEvent = EventsOf<
  [
    typeof NodeWatched,
    typeof NodeUnwatched,
    typeof ProbePlanIssued,
    typeof NodeSuspected,
    typeof NodeSuspicionWithdrawn,
    typeof VerdictWithheld,
    typeof NodeDeclaredDown,
    typeof NodeFoundIsolated,
    typeof NodeFoundPartitioned,
    typeof NodeFoundImpaired,
    typeof NodeRestarted,
    typeof NodeRecovered,
    typeof NodeMaintenanceStarted,
    typeof NodeMaintenanceEnded,
    typeof NodeMaintenanceRejected,
    typeof ClusterSightLost,
    typeof ClusterSightRegained,
    typeof ClusterFrozen,
    typeof ClusterThawed,
    typeof NodeDownRejected,
    typeof ClusterThawRejected,
  ]
>;

export interface NodeHealth {
  readonly nodeId: NodeId;
  readonly zone: string;
  readonly dataAddress: string;
  readonly status: NodeStatus;
  readonly sinceMs: number;
  readonly incarnation: Incarnation | null;
  /** The one that was declared down last: what comes back under another was dead. */
  readonly declaredIncarnation: Incarnation | null;
  /** The last beat that an event told of. */
  readonly lastHeartbeatMs: number | null;
  readonly lastSeq: number;
  readonly fault: Fault | null;
  /** Down by a person's word: no sign of a common cause. */
  readonly byOperator: boolean;
  /** `verdict:brake`, told once each until the status changes or its agent begins anew. */
  readonly withheld: readonly string[];
  /** Planned work: until then there is no verdict about it. */
  readonly maintenanceUntilMs: number | null;
  /** Its deadlines count from here at the earliest: what happened in its maintenance is nobody's silence. */
  readonly awaitedFromMs: number;
  /** When it was declared down, the last times: as many as matter to how long nothing comes home to it. */
  readonly downsMs: readonly number[];
}

export interface ClusterHealth {
  readonly nodes: Readonly<Record<string, NodeHealth>>;
  /** Deadlines count from `sinceMs` at the earliest: what happened while we were blind is nobody's silence. */
  readonly sight: { readonly lost: boolean; readonly sinceMs: number };
  readonly frozen: { readonly cause: 'massSilence' | 'allSilent'; readonly sinceMs: number } | null;
  /** Nodes late when a person lifted the freeze count no more until they beat again. */
  readonly thawedByOperatorMs: number | null;
}

export const initialHealth: ClusterHealth = {
  nodes: {},
  sight: { lost: false, sinceMs: 0 },
  frozen: null,
  thawedByOperatorMs: null,
};

/** Folds one event; unknown nodes cannot be told of. */
export function evolveHealth(state: ClusterHealth, event: HealthEvent): ClusterHealth {
  const atMs = Date.parse(event.data.at);
  switch (event.type) {
    case 'NodeWatched':
      return withNode(state, watched(state.nodes[event.data.nodeId], event.data, atMs));
    case 'NodeUnwatched': {
      const { [event.data.nodeId]: _gone, ...nodes } = state.nodes;
      return { ...state, nodes };
    }
    case 'ClusterSightLost':
      return { ...state, sight: { lost: true, sinceMs: atMs } };
    case 'ClusterSightRegained':
      return { ...state, sight: { lost: false, sinceMs: atMs } };
    case 'ClusterFrozen':
      return { ...state, frozen: { cause: event.data.cause, sinceMs: atMs } };
    case 'ClusterThawed': {
      const byOperator = event.data.by === 'operator';
      return { ...state, frozen: null, thawedByOperatorMs: byOperator ? atMs : state.thawedByOperatorMs };
    }
    case 'ProbePlanIssued':
    case 'NodeDownRejected':
    case 'NodeMaintenanceRejected':
    case 'ClusterThawRejected':
      return state;
    default:
      return withNode(state, told(state.nodes[event.data.nodeId], event, atMs));
  }
}

type Watched = Extract<HealthEvent, { type: 'NodeWatched' }>['data'];

function watched(known: NodeHealth | undefined, { nodeId, zone, dataAddress }: Watched, atMs: number): NodeHealth {
  if (known) return { ...known, zone, dataAddress };
  const joining = { status: 'joining', sinceMs: atMs, incarnation: null, lastHeartbeatMs: null } as const;
  const blank = { declaredIncarnation: null, lastSeq: 0, fault: null, byOperator: false, withheld: [], downsMs: [] };
  return { nodeId, zone, dataAddress, ...joining, ...blank, maintenanceUntilMs: null, awaitedFromMs: 0 };
}

type NodeEvent = Exclude<
  Extract<HealthEvent, { data: { nodeId: NodeId } }>,
  { type: 'NodeWatched' | 'NodeUnwatched' | 'NodeDownRejected' | 'NodeMaintenanceRejected' }
>;

/** A node's part of an event about it. */
function told(node: NodeHealth | undefined, event: NodeEvent, atMs: number): NodeHealth | undefined {
  if (!node) return undefined;
  switch (event.type) {
    case 'NodeSuspected': {
      const { lastSeq, lastHeartbeatAt } = event.data;
      return { ...becomes(node, 'suspect', atMs), lastSeq, lastHeartbeatMs: Date.parse(lastHeartbeatAt) };
    }
    case 'NodeSuspicionWithdrawn':
      return becomes(node, 'healthy', atMs);
    case 'NodeDeclaredDown':
      return {
        ...becomes(node, 'down', atMs),
        declaredIncarnation: event.data.incarnation,
        byOperator: event.data.reason === 'operatorRequest',
        downsMs: [...node.downsMs, atMs].slice(-DOWNS_REMEMBERED),
      };
    case 'NodeFoundIsolated':
      return becomes(node, 'isolated', atMs);
    case 'NodeFoundPartitioned':
      return becomes(node, 'partitioned', atMs);
    case 'NodeFoundImpaired':
      return { ...becomes(node, 'impaired', atMs), fault: { part: event.data.part, code: event.data.code } };
    case 'NodeRecovered': {
      const { incarnation } = event.data;
      return { ...becomes(node, 'healthy', atMs), incarnation, lastHeartbeatMs: atMs };
    }
    case 'NodeRestarted':
      // What silenced it is over: the next silence is told of again.
      return { ...node, incarnation: event.data.incarnation, withheld: [] };
    case 'VerdictWithheld':
      return { ...node, withheld: [...node.withheld, `${event.data.verdict}:${event.data.brake}`] };
    case 'NodeMaintenanceStarted':
      return { ...node, maintenanceUntilMs: Date.parse(event.data.until) };
    case 'NodeMaintenanceEnded':
      return { ...node, maintenanceUntilMs: null, awaitedFromMs: atMs, withheld: [] };
  }
}

function becomes(node: NodeHealth, status: NodeStatus, sinceMs: number): NodeHealth {
  return { ...node, status, sinceMs, fault: null, byOperator: false, withheld: [] };
}

function withNode(state: ClusterHealth, node: NodeHealth | undefined): ClusterHealth {
  return node ? { ...state, nodes: { ...state.nodes, [node.nodeId]: node } } : state;
}
