/** What `npm start` brings up, before anything runs: names and addresses, all inside one loopback block. */
export interface ClusterPlan {
  readonly clusterId: string;
  readonly addressRange: string;
  readonly nodes: readonly NodePlan[];
  readonly systems: readonly string[];
}

export interface NodePlan {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly zone: string;
  readonly dataAddress: string;
}

const MIB = 1_048_576;
export const DEMO_VOLUMES = [
  { volumeId: 'v1', sizeBytes: 64 * MIB },
  { volumeId: 'v2', sizeBytes: 64 * MIB },
] as const;

const SHAPE = [
  { clusterId: 'alpha', nodes: 3, systems: ['s1', 's2'] },
  { clusterId: 'beta', nodes: 2, systems: ['s3'] },
  { clusterId: 'gamma', nodes: 1, systems: ['s4'] },
] as const;

/** Systems of the fault tests, each served at an address of its node: on one host the kernel would else be a fence. */
export const FAULT_SYSTEMS = ['fault-1', 'fault-2', 'fault-3', 'fault-4', 'fault-5', 'fault-6', 'fault-7', 'fault-8'];

/** Where this node, and no other, serves a fault test's system: 127.<n>.<200 + 10 c + node>.<system>. */
export function faultAddress(dataAddress: string, systemId: string): string {
  const [, block, cluster, node] = dataAddress.split('.').map(Number);
  return `127.${block}.${200 + 10 * cluster! + node!}.${1 + FAULT_SYSTEMS.indexOf(systemId)}`;
}

/** Nodes live in 127.<n>.<c>.0/24, systems in 127.<n>.<100 + c>.0/24: a data address inside a range is refused. */
export function planFleet(block: number): ClusterPlan[] {
  return SHAPE.map(({ clusterId, nodes, systems }, index) => ({
    clusterId,
    addressRange: `127.${block}.${101 + index}.0/24`,
    systems: [...systems],
    nodes: Array.from({ length: nodes }, (_, node) => ({
      clusterId,
      nodeId: `${clusterId}-${node + 1}`,
      zone: `${clusterId}-z${node + 1}`,
      dataAddress: `127.${block}.${1 + index}.${1 + node}`,
    })),
  }));
}
