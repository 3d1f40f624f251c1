import { resolve } from 'node:path';
import { z } from 'zod';
import { clusterId, nodeId } from '@holdfast/contracts';
import { loadConfig } from '@holdfast/observability';

const path = z
  .string()
  .min(1)
  .transform((given) => resolve(given));

/** `s1=127.30.1.11,s2=127.30.1.12`: addresses of this node's own, where fault suites want no kernel as the fence. */
const addressMap = z
  .string()
  .regex(/^[^=,]+=[\d.]+(,[^=,]+=[\d.]+)*$/, 'systemId=address[,systemId=address …]')
  .transform((text) => new Map(text.split(',').map((pair) => pair.split('=') as [string, string])));

const variables = z.object({
  HOLDFAST_AGENT_CLUSTER_ID: clusterId,
  HOLDFAST_AGENT_NODE_ID: nodeId,
  HOLDFAST_AGENT_STATE_DIR: path,
  HOLDFAST_AGENT_MEDIUM: path,
  HOLDFAST_AGENT_DATA_ADDRESS: z.ipv4(),
  HOLDFAST_AGENT_FLUSH: z.enum(['os', 'disk']).default('disk'),
  HOLDFAST_AGENT_FOLD_ABOVE_LAYERS: z.coerce.number().int().min(2).default(8),
  HOLDFAST_AGENT_SERVING_ADDRESS_MAP: addressMap.default(new Map()),
  HOLDFAST_KAFKA_BROKERS: z.string().min(1),
  HOLDFAST_STORAGE_DAEMON: z.string().default('qemu-storage-daemon'),
});

export type AgentConfig = ReturnType<typeof agentConfig>;

export function agentConfig() {
  return loadConfig(variables);
}
