import type {
  BackupRef,
  ClusterId,
  EventsOf,
  Instant,
  NodeId,
  PointId,
  RequestId,
  SystemId,
  VolumeSpec,
  SystemDeleted,
  SystemDeletionRejected,
  SystemDeletionStarted,
  SystemRegistered,
  SystemRejected,
  SystemRemovalGranted,
  SystemRetired,
  SystemRetirementRejected,
  SystemRetirementStarted,
  SystemServeGranted,
} from '@holdfast/contracts';
import { assertNever, type Decider, invariant } from '@holdfast/kernel';
import type { DataOf } from './data-of';

export type SystemEvent = EventsOf<
  [
    typeof SystemRegistered,
    typeof SystemRejected,
    typeof SystemRetirementRejected,
    typeof SystemDeletionRejected,
    typeof SystemRetirementStarted,
    typeof SystemRetired,
    typeof SystemDeletionStarted,
    typeof SystemDeleted,
    typeof SystemServeGranted,
    typeof SystemRemovalGranted,
  ]
>;

type Granted = DataOf<typeof SystemServeGranted>;
type Registered = DataOf<typeof SystemRegistered>;
type Rejected = DataOf<typeof SystemRejected>;
export type SystemRefusal = Rejected['reason'];
/** What a system is to be filled from, or why it cannot be. */
export type BackupSource = { readonly ref: BackupRef; readonly volumes: VolumeSpec[] } | SystemRefusal;

/** What every known system is, whatever its phase. */
interface Known {
  readonly epoch: number;
  readonly clusterId: ClusterId;
  readonly address: string;
  readonly volumes: readonly VolumeSpec[];
  readonly fromBackup?: BackupRef | undefined;
  /** Every request that this system answered: each is told, should its creation fail. */
  readonly requestIds: readonly RequestId[];
}

/** The epoch outlives the system: its name, used again, goes on counting. */
export type System =
  | { readonly phase: 'absent'; readonly epoch: number }
  | ({ readonly phase: 'registered' | 'retiring' | 'retired' } & Known)
  /** Its files are going: it was deleted, or its creation failed. `removal`: who was ordered last. */
  | ({ readonly phase: 'deleting' | 'discarding'; readonly removal: { nodeId: NodeId; epoch: number } | null } & Known);

interface Asked {
  readonly systemId: SystemId;
  readonly requestId: RequestId;
  readonly at: Instant;
}

export type SystemCommand =
  | ({
      readonly type: 'RegisterSystem';
      readonly clusterId: ClusterId;
      /** None, where it is restored: its backup has them. */
      readonly volumes: VolumeSpec[];
      readonly fromBackup?: { readonly systemId: SystemId; readonly pointId: PointId } | undefined;
      readonly source?: BackupSource | undefined;
      /** What the cluster has to offer, as far as it is known here; null: no such cluster. */
      readonly offer: { readonly nodes: number; readonly address: string | undefined } | null;
    } & Asked)
  | ({ readonly type: 'RetireSystem' } & Asked)
  | ({ readonly type: 'DeleteSystem' } & Asked)
  | { readonly type: 'ConfirmRetired'; readonly systemId: SystemId; readonly at: Instant }
  | { readonly type: 'FailCreation'; readonly systemId: SystemId; readonly reason: SystemRefusal; readonly at: Instant }
  | {
      readonly type: 'GrantServe';
      readonly systemId: SystemId;
      readonly nodeId: NodeId;
      readonly epoch: number;
      readonly cause: Granted['cause'];
      readonly at: Instant;
    }
  | Fact<'GrantRemoval'>
  | Fact<'ConfirmRemoved'>;

interface Fact<Type extends string> {
  readonly type: Type;
  readonly systemId: SystemId;
  readonly nodeId: NodeId;
  readonly epoch: number;
  readonly at: Instant;
}

type Of<Type extends SystemCommand['type']> = Extract<SystemCommand, { type: Type }>;

function register(command: Of<'RegisterSystem'>, state: System): SystemEvent[] {
  const { systemId, clusterId, offer, source, requestId, at } = command;
  const rejected = (reason: SystemRefusal): SystemEvent[] => [
    { type: 'SystemRejected', data: { systemId, clusterId, reason, requestId, at } },
  ];

  if (state.phase !== 'absent') {
    if (state.phase !== 'registered' || !sameSpec(command, state)) return rejected('NAME_TAKEN');
    // What was asked for is there already: the same answer again, now to this request.
    const { address, volumes, fromBackup } = state;
    return [registration({ systemId, clusterId, address, volumes: [...volumes], requestId, at }, fromBackup)];
  }
  if (!offer) return rejected('UNKNOWN_CLUSTER');
  if (typeof source === 'string') return rejected(source);
  if (offer.nodes === 0) return rejected('NO_NODE');
  const { address } = offer;
  if (address === undefined) return rejected('ADDRESS_EXHAUSTED');
  const { volumes } = source ?? command;
  return [registration({ systemId, clusterId, address, volumes, requestId, at }, source?.ref)];
}

function registration(data: Registered, fromBackup: BackupRef | undefined): SystemEvent {
  return { type: 'SystemRegistered', data: fromBackup ? { ...data, fromBackup } : data };
}

function retire({ systemId, requestId, at }: Of<'RetireSystem'>, state: System): SystemEvent[] {
  if (state.phase === 'absent' || state.phase === 'deleting' || state.phase === 'discarding') {
    return [{ type: 'SystemRetirementRejected', data: { systemId, requestId, reason: 'UNKNOWN', at } }];
  }
  const { clusterId } = state;
  const started: SystemEvent = { type: 'SystemRetirementStarted', data: { systemId, clusterId, requestId, at } };
  return state.phase === 'retired'
    ? [started, { type: 'SystemRetired', data: { systemId, clusterId, at } }]
    : [started];
}

function remove({ systemId, requestId, at }: Of<'DeleteSystem'>, state: System): SystemEvent[] {
  const rejected = (reason: 'UNKNOWN' | 'NOT_RETIRED'): SystemEvent[] => [
    { type: 'SystemDeletionRejected', data: { systemId, requestId, reason, at } },
  ];
  if (state.phase === 'absent' || state.phase === 'discarding') return rejected('UNKNOWN');
  if (state.phase === 'registered' || state.phase === 'retiring') return rejected('NOT_RETIRED');

  const { clusterId } = state;
  const epoch = state.phase === 'deleting' && state.removal ? state.removal.epoch : state.epoch + 1;
  return [{ type: 'SystemDeletionStarted', data: { systemId, clusterId, epoch, requestId, at } }];
}

function failCreation({ systemId, reason, at }: Of<'FailCreation'>, state: System): SystemEvent[] {
  if (state.phase !== 'registered') return [];
  return state.requestIds.map((requestId) => ({
    type: 'SystemRejected',
    data: { systemId, clusterId: state.clusterId, reason, requestId, at },
  }));
}

function grantServe({ systemId, nodeId, epoch, cause, at }: Of<'GrantServe'>, state: System): SystemEvent[] {
  invariant(state.phase === 'registered', `${systemId} is ${state.phase}: it is granted to nobody`);
  invariant(epoch === state.epoch + 1, `${systemId}: epoch ${epoch} does not follow ${state.epoch}`);
  return [{ type: 'SystemServeGranted', data: { systemId, clusterId: state.clusterId, nodeId, epoch, cause, at } }];
}

function grantRemoval({ systemId, nodeId, epoch, at }: Of<'GrantRemoval'>, state: System): SystemEvent[] {
  invariant(
    state.phase === 'deleting' || state.phase === 'discarding',
    `${systemId} is ${state.phase}: its files stay`,
  );
  invariant(epoch === state.epoch + 1, `${systemId}: epoch ${epoch} does not follow ${state.epoch}`);
  const cause = state.phase === 'deleting' ? 'deletion' : 'creationFailed';
  return [{ type: 'SystemRemovalGranted', data: { systemId, clusterId: state.clusterId, nodeId, epoch, cause, at } }];
}

function confirmRemoved({ systemId, nodeId, epoch, at }: Of<'ConfirmRemoved'>, state: System): SystemEvent[] {
  if (state.phase !== 'deleting' && state.phase !== 'discarding') return [];
  // An earlier order's answer is late: the later node may still be at work in the folder.
  if (state.removal?.epoch !== epoch || state.removal.nodeId !== nodeId) return [];
  return [{ type: 'SystemDeleted', data: { systemId, clusterId: state.clusterId, at } }];
}

function sameSpec({ clusterId, volumes, fromBackup }: Of<'RegisterSystem'>, state: Known): boolean {
  if (fromBackup || state.fromBackup) {
    const { systemId, pointId } = fromBackup ?? {};
    const same = state.fromBackup?.systemId === systemId && state.fromBackup?.pointId === pointId;
    return same && clusterId === state.clusterId;
  }
  const spec = (list: readonly VolumeSpec[]) =>
    list.map(({ volumeId, sizeBytes }) => `${volumeId}=${sizeBytes}`).join();
  return clusterId === state.clusterId && spec(volumes) === spec(state.volumes);
}

function registered(data: Registered, state: System): System {
  if (state.phase === 'registered') return { ...state, requestIds: [...state.requestIds, data.requestId] };
  const { clusterId, address, volumes, fromBackup, requestId } = data;
  const known = { epoch: state.epoch, clusterId, address, volumes, requestIds: [requestId] };
  return { phase: 'registered', ...known, ...(fromBackup ? { fromBackup } : {}) };
}

/** Who owns one system: the numbers that fence its nodes are counted here and nowhere else. */
export const systemDecider: Decider<SystemCommand, System, SystemEvent> = {
  initial: { phase: 'absent', epoch: 0 },
  decide(command, state) {
    switch (command.type) {
      case 'RegisterSystem':
        return register(command, state);
      case 'RetireSystem':
        return retire(command, state);
      case 'ConfirmRetired': {
        if (state.phase !== 'retiring') return [];
        const { systemId, at } = command;
        return [{ type: 'SystemRetired', data: { systemId, clusterId: state.clusterId, at } }];
      }
      case 'DeleteSystem':
        return remove(command, state);
      case 'FailCreation':
        return failCreation(command, state);
      case 'GrantServe':
        return grantServe(command, state);
      case 'GrantRemoval':
        return grantRemoval(command, state);
      case 'ConfirmRemoved':
        return confirmRemoved(command, state);
      default:
        return assertNever(command);
    }
  },
  evolve(state, { type, data }) {
    if (type === 'SystemRegistered') return registered(data, state);
    if (state.phase === 'absent') return state;
    switch (type) {
      case 'SystemRejected':
        // A refusal of somebody else's request leaves the system as it is.
        return state.phase === 'registered' && state.requestIds.includes(data.requestId)
          ? { ...state, phase: 'discarding', removal: null }
          : state;
      case 'SystemServeGranted':
        return { ...state, epoch: data.epoch };
      case 'SystemRetirementStarted':
        return state.phase === 'registered' ? { ...state, phase: 'retiring' } : state;
      case 'SystemRetired':
        return state.phase === 'retiring' ? { ...state, phase: 'retired' } : state;
      case 'SystemDeletionStarted':
        return state.phase === 'retired' ? { ...state, phase: 'deleting', removal: null } : state;
      case 'SystemRemovalGranted':
        return state.phase === 'deleting' || state.phase === 'discarding'
          ? { ...state, epoch: data.epoch, removal: { nodeId: data.nodeId, epoch: data.epoch } }
          : state;
      case 'SystemDeleted':
        return { phase: 'absent', epoch: state.epoch };
      default:
        return state;
    }
  },
};
