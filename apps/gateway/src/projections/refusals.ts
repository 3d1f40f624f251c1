/** Why an operation stands where it stands, and what its caller can do about it. */
export interface Reason {
  readonly code: string;
  readonly text: string;
  readonly remedy: string;
}

type Words = readonly [text: string, remedy: string];

/** Every reason for which an owner refuses, by the event that says so. A spec holds this against the contracts. */
export const refusals: Readonly<Record<string, Readonly<Record<string, Words>>>> = {
  SystemRejected: {
    NAME_TAKEN: ['another system has this name', 'choose another name, or retire and delete the system that has it'],
    ADDRESS_TAKEN: ['its address belongs to another system', 'register the cluster with ranges that nobody else uses'],
    ADDRESS_EXHAUSTED: ['the cluster has no free address', 'delete a retired system, which frees its address'],
    NO_NODE: [
      'no node of the cluster can take it',
      'see `holdfast get nodes`: start a node, or wait for one to recover',
    ],
    NO_SPACE: ['its volumes do not fit on the medium', 'ask for smaller volumes, or add space to the medium'],
    MEDIUM_INVALID: ['the medium is not usable', 'mount the medium of this cluster on its nodes, then ask again'],
    UNKNOWN_CLUSTER: ['no such cluster', 'see `holdfast get clusters`, or register the cluster first'],
    UNKNOWN_BACKUP: ['no such backup', 'see `holdfast backups list`'],
    BACKUP_ELSEWHERE: ['the backup lies on the medium of another cluster', 'create the system in that cluster'],
    BACKUP_DAMAGED: [
      'the backup is not what its manifest says',
      'restore another point: `holdfast backups list`; `holdfast task submit scrub` names what is damaged',
    ],
  },
  SystemRetirementRejected: {
    UNKNOWN: ['no such system', 'see `holdfast get systems`'],
    RESERVED: ['an operation holds the system', 'wait for the operation to end, then ask again'],
  },
  SystemDeletionRejected: {
    UNKNOWN: ['no such system', 'see `holdfast get systems`'],
    NOT_RETIRED: ['it is not retired', 'retire it first: `holdfast system retire <id>`'],
    RESERVED: ['an operation holds the system', 'wait for the operation to end, then ask again'],
  },
  TaskRejected: {
    UNKNOWN_SUBJECT: ['what it is to work on is not there', 'see `holdfast get systems` and `holdfast backups list`'],
    UNKNOWN_KIND: ['no such kind of task', 'ask for a snapshot or a scrub'],
    INVALID_COST: ['its rate is less than one byte a second', 'leave bytesPerSec out, or give a whole number of bytes'],
    EXCEEDS_ANY_NODE: [
      'its rate is more than any node may spend on background work',
      'ask for fewer bytesPerSec: a node spends 30 % of its capacity, see `placement.budget` of `holdfast get nodes`',
    ],
    DUPLICATE: [
      'a task of this kind is open for the same subject',
      'wait for that task to end, or cancel it: `holdfast get tasks`',
    ],
    QUEUE_FULL: ['10,000 tasks are open in this cluster', 'wait until some have ended, or cancel those not needed'],
    POINT_GONE: ['that point is no longer pinned', 'ask for a snapshot without a point: it freezes a new one'],
    BACKUP_ELSEWHERE: ['the backup lies on the medium of another cluster', 'see the clusterId of the backup'],
  },
  TaskActionRejected: {
    UNKNOWN_TASK: ['no such task', 'see `holdfast get tasks`'],
    ENDED: ['it has ended', 'nothing is to be done; submit a new task if it is needed again'],
    NOT_PARKED: ['it is not parked', 'nothing is to be done: it goes on by itself, see `holdfast why task/<id>`'],
    NOT_PLACED: ['no node carries it now', 'wait until it is placed: `holdfast why task/<id>` says what it waits for'],
    NO_NODE: [
      'no other node of its cluster, or not the one that was named, can take it now',
      'see `holdfast get nodes`: name another open node of the same cluster, or wait for one',
    ],
    PLACEMENT_HELD: ['nothing is moved in this cluster now', 'see `heldBy` of `holdfast get clusters`, then ask again'],
    IS_SERVE: ['it serves a system', 'retire the system to stop serving it: `holdfast system retire <id>`'],
  },
  BackupDeletionRejected: {
    UNKNOWN_BACKUP: ['no such backup', 'see `holdfast backups list`'],
    IN_USE: ['a task or a restore reads it', 'wait until that has ended, or cancel it: `holdfast get tasks`'],
    NO_NODE: ['no node can take it away now', 'see `holdfast get nodes`: start a node, then ask again'],
    PLACEMENT_HELD: [
      'nothing is ordered in this cluster now',
      'see `heldBy` of `holdfast get clusters`, then ask again',
    ],
  },
  NodeDrainRejected: {
    UNKNOWN_NODE: ['no such node', 'see `holdfast get nodes`'],
    NODE_NOT_OPEN: ['the node is not open', 'nothing new comes to it anyway: see `holdfast why node/<id>`'],
    CAPACITY_SHORT: [
      'the other nodes have no room for what it carries',
      'see the plan: `holdfast plan drain node/<id>`; start or register a node, or cancel tasks',
    ],
    PLAN_CHANGED: ['the fleet has changed since this plan', 'compare `asked` and `now` in the result, then plan again'],
    NOT_DRAINING: ['it is not drained', 'nothing is to be done'],
  },
  RebalanceRejected: {
    PLAN_CHANGED: ['the fleet has changed since this plan', 'compare `asked` and `now` in the result, then plan again'],
    LEVEL_ALREADY: ['its load is level already', 'nothing is to be done'],
    NODE_NOT_OPEN: ['a node is down, suspect or drained', 'wait until all nodes are open: `holdfast get nodes`'],
    RUNNING: ['a rebalance is running', 'wait until it has ended: see `rebalance` of `holdfast get clusters`'],
  },
  PlacementPlanRejected: {
    UNKNOWN_NODE: ['no such node', 'see `holdfast get nodes`'],
    UNKNOWN_CLUSTER: ['no such cluster', 'see `holdfast get clusters`'],
  },
  NodeMaintenanceRejected: {
    UNKNOWN_NODE: ['no such node', 'see `holdfast get nodes`'],
    MAINTENANCE_TOO_LONG: ['maintenance ends by itself within 24 h', 'ask for at most 24 h; it may be asked for again'],
    NOT_IN_MAINTENANCE: ['it is not in maintenance', 'nothing is to be done'],
  },
  NodeDownRejected: {
    UNKNOWN_NODE: ['no such node', 'see `holdfast get nodes`'],
    ALREADY_DOWN: ['it is down already', 'nothing is to be done: `holdfast why node/<id>` names the evidence'],
    NODE_BEATS: ['its heartbeats arrive', 'switch it off first; a node that beats is not declared down'],
    ATTESTATION_CONTRADICTED: ['peers reach it', 'look again: it is not off, or another machine has its address'],
  },
  ClusterThawRejected: {
    UNKNOWN_CLUSTER: ['no such cluster', 'see `holdfast get clusters`'],
    NOT_FROZEN: ['it is not frozen', 'nothing is to be done: see `holdfast why cluster/<id>`'],
    ALL_SILENT: ['all its nodes are silent', 'start a node of this cluster first'],
  },
  ParkedEventActionRejected: {
    NOT_PARKED: ['nothing is parked there', 'see `holdfast parked list`: it may flow again already'],
    NOT_FIRST: ['it waits behind another event', 'act on the first parked event of this stream'],
    FORKED: ['the stream has another history', 'reload it: `holdfast parked reload <id> --reason …`'],
  },
  ProjectionRebuildRejected: {
    UNKNOWN: ['no such projection', 'see `holdfast get projections`'],
    RUNNING: ['it is being rebuilt', 'wait for that rebuild to end'],
  },
};

/** Who or what called it off, by the `by` of the event that says so. */
export const callingOffs = {
  operator: ['an operator called it off', 'ask again if it is needed after all'],
  retirement: ['its system is retired', 'nothing is to be done'],
  creationFailed: ['its system could not be created', 'see the operation that asked for the system'],
  maintenanceEnded: ['the maintenance that it was for has ended', 'nothing is to be done: the node is used again'],
  nodeDown: ['the node went down', 'see `holdfast why node/<id>`: what it carried has moved'],
  nodeRetired: ['the node was retired', 'nothing is to be done'],
} satisfies Record<string, Words>;

/** Codes read alike, however an event spells its reason: `notParked` is `NOT_PARKED`. */
export const codeOf = (reason: string): string => reason.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase();

export function refusalOf(type: string, reason: string): Reason {
  const code = codeOf(reason);
  const [text, remedy] = refusals[type]?.[code] ?? [code, 'see `holdfast why` of its subject'];
  return { code, text, remedy };
}
