import { eventLogVariables } from '@holdfast/messaging';
import { secret } from '@holdfast/observability';
import { z } from 'zod';

/** Everything that the environment may say to this process. */
export const balancerConfig = z.object({
  HOLDFAST_DATABASE_URL: secret,
  ...eventLogVariables,
  HOLDFAST_KAFKA_BROKERS: z.string().transform((list) => list.split(',')),
  HOLDFAST_ADMIN_BIND: z.string().default('127.0.0.1'),
  HOLDFAST_ADMIN_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  HOLDFAST_ADMIN_PORT_FILE: z.string().optional(),
  HOLDFAST_BALANCER_TAKEN_MS: z.coerce.number().int().positive().default(5_000),
  /** What a background task reads in a second, and costs its node, unless its request says otherwise. */
  HOLDFAST_BALANCER_TASK_BYTES_PER_SEC: z.coerce
    .number()
    .positive()
    .default(8 * 1024 * 1024),
});
export type BalancerConfig = z.infer<typeof balancerConfig>;
