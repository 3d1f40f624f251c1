import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type ClusterPlan, DEMO_VOLUMES } from './fleet-plan';
import type { GatewayClient, NodeView, SystemView } from './gateway-client';
import { until } from './steps';

const MIB = 1_048_576;
/** Of this, 30 % are for background work: six tasks of the 8 MiB/s that is their default, and no more than 54 MiB/s. */
const CAPACITY = { bytesPerSec: 200 * MIB };
const OPEN_MS = 60_000;
const SERVED_MS = 60_000;

/** `7.2` of whatever daemon the nodes run. */
export async function engineVersion(): Promise<string> {
  const program = process.env['HOLDFAST_STORAGE_DAEMON'] ?? 'qemu-storage-daemon';
  const { stdout } = await promisify(execFile)(program, ['--version']);
  return /version (\d+\.\d+(?:\.\d+)?)/.exec(stdout)?.[1] ?? 'unknown';
}

/** Clusters first, then their nodes, as an operator would: by requests to the gateway. */
export async function registerFleet(gateway: GatewayClient, plan: readonly ClusterPlan[], engine: string) {
  for (const { clusterId, addressRange, nodes } of plan) {
    await gateway.perform('/v1/clusters', { clusterId, name: clusterId, addressRanges: [addressRange] });
    await Promise.all(
      nodes.map((node) => gateway.perform('/v1/nodes', { ...node, engineVersion: engine, capacity: CAPACITY })),
    );
  }
}

export async function nodesOpen(gateway: GatewayClient, expected: number): Promise<void> {
  let nodes: NodeView[] = [];
  const allHealthy = async () => {
    nodes = await gateway.list<NodeView>('nodes');
    return nodes.filter(({ status }) => status === 'healthy').length >= expected;
  };
  await until(`not all ${expected} nodes are healthy`, allHealthy, {
    withinMs: OPEN_MS,
    everyMs: 200,
    found: () => nodes.map(({ nodeId, status }) => `${nodeId} ${status}`).join(', '),
    remedy: 'a machine that is very busy may need another try; the logs of node-<id> and health-monitor say more',
  });
}

/** Each of two volumes; done when all of them are served. */
export async function createDemoSystems(gateway: GatewayClient, plan: readonly ClusterPlan[]): Promise<SystemView[]> {
  const wanted = plan.flatMap(({ clusterId, systems }) => systems.map((systemId) => ({ clusterId, systemId })));
  await Promise.all(wanted.map((system) => gateway.perform('/v1/systems', { ...system, volumes: DEMO_VOLUMES })));
  let served: SystemView[] = [];
  const allServed = async () => {
    served = (await gateway.list<SystemView>('systems')).filter(isServed);
    return served.length >= wanted.length;
  };
  await until('not all demo systems are served', allServed, {
    withinMs: SERVED_MS,
    everyMs: 200,
    found: () => `${served.map(({ systemId }) => systemId).join(', ') || 'none'} of ${wanted.length}`,
    remedy: 'the logs of load-balancer and of the nodes say more',
  });
  return served;
}

export const isServed = ({ serving, nodeId }: SystemView): boolean => serving.state === 'served' && nodeId !== null;
