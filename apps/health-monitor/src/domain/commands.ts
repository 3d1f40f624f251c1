import type { ClusterId, NodeId, RequestId } from '@holdfast/contracts';
import type { Seen } from './standing';

interface Of {
  readonly clusterId: ClusterId;
}
interface At extends Of {
  /** The log clock of the cluster's partition. */
  readonly atMs: number;
}

export interface WatchNode extends At {
  readonly type: 'WatchNode';
  readonly nodeId: NodeId;
  readonly zone: string;
  readonly dataAddress: string;
}

export interface UnwatchNode extends At {
  readonly type: 'UnwatchNode';
  readonly nodeId: NodeId;
}

/** Judge the cluster by what the log says of it now. Sent at every record; nearly always nothing changes. */
export interface JudgeCluster extends Of, Seen {
  readonly type: 'JudgeCluster';
  readonly observerId: string;
  readonly halted: boolean;
}

export interface LoseSight extends At {
  readonly type: 'LoseSight';
  readonly cause: 'partition' | 'broker' | 'timestampType';
}

export interface RegainSight extends At {
  readonly type: 'RegainSight';
  readonly alphaMs: number;
}

/** A person says that the node is gone. */
export interface DeclareNodeDown extends Of, Seen {
  readonly type: 'DeclareNodeDown';
  readonly nodeId: NodeId;
  readonly requestId: RequestId;
  readonly poweredOff: boolean;
}

/** A person works on the node; said again, it moves the end. */
export interface StartMaintenance extends At {
  readonly type: 'StartMaintenance';
  readonly nodeId: NodeId;
  readonly requestId: RequestId;
  readonly forMs: number;
  readonly drain: boolean;
  readonly by: string;
  readonly reason: string;
}

export interface EndMaintenance extends At {
  readonly type: 'EndMaintenance';
  readonly nodeId: NodeId;
  readonly requestId: RequestId;
}

/** A person lifts the freeze. */
export interface ThawCluster extends Of, Seen {
  readonly type: 'ThawCluster';
  readonly requestId: RequestId;
}

export type HealthCommand =
  | WatchNode
  | UnwatchNode
  | JudgeCluster
  | LoseSight
  | RegainSight
  | DeclareNodeDown
  | ThawCluster
  | StartMaintenance
  | EndMaintenance;
