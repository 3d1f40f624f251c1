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
    UNKNOWN: ['no such projection', 'see `GET /v1/projections`'],
    RUNNING: ['it is being rebuilt', 'wait for that rebuild to end'],
  },
};

/** Codes read alike, however an event spells its reason: `notParked` is `NOT_PARKED`. */
export const codeOf = (reason: string): string => reason.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase();

export function refusalOf(type: string, reason: string): Reason {
  const code = codeOf(reason);
  const [text, remedy] = refusals[type]?.[code] ?? [code, 'see `holdfast why` of its subject'];
  return { code, text, remedy };
}
