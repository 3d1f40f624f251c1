import { eventLogVariables } from '@holdfast/messaging';
import { secret } from '@holdfast/observability';
import { z } from 'zod';

/** Everything that the environment may say to this process. */
export const healthConfig = z.object({
  HOLDFAST_DATABASE_URL: secret,
  ...eventLogVariables,
  HOLDFAST_KAFKA_BROKERS: z.string().transform((list) => list.split(',')),
  HOLDFAST_ADMIN_BIND: z.string().default('127.0.0.1'),
  HOLDFAST_ADMIN_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  HOLDFAST_ADMIN_PORT_FILE: z.string().optional(),
  /** How late a heartbeat may be. */
  HOLDFAST_HEALTH_ALPHA_MS: z.coerce.number().int().min(2_000).max(30_000).default(4_000),
});
export type HealthConfig = z.infer<typeof healthConfig>;
